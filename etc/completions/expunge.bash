# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of expunge's commands and options for bash.  Keys and ids are never offered: they are personal.

_expunge()
{
    local global='--config --json --quiet --verbose --no-color'
    local commands='init check plan run restore status report certificate verify snapshot notify pause resume help'
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' at choices=''

    # the command is the first word that is neither an option nor the file of --config
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
        --config) at=$((at + 1)) ;;
        -*) ;;
        *)
            command=${COMP_WORDS[at]}
            break
            ;;
        esac
    done

    case $before in
    --config | --output)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --format)
        choices='text json'
        ;;
    --as-of | --database | --disposal | --for | --from | --into | --jobs | --policy | --processor | --reason | --settle | --to | --user) return ;;
    *)
        case $command in
        '') choices="$global --version $commands" ;;
        init) choices='--database --user' ;;
        check) choices='--accept' ;;
        plan) choices='--as-of --policy --sql' ;;
        run) choices='--policy --disposal --jobs --for --allow-large --as-of' ;;
        restore) choices='--into' ;;
        report) choices='--from --to --format --output' ;;
        certificate) choices='--format' ;;
        verify) choices='ledger snapshots absence --drill' ;;
        snapshot)
            [ "$before" != snapshot ] || choices='list show cat'
            [ "$before" != list ] || choices='--all'
            ;;
        notify) choices='--disposal --processor --settle --reason --user' ;;
        pause | resume) choices='--reason' ;;
        help) choices="$commands exit-codes config" ;;
        esac
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}
complete -F _expunge expunge
