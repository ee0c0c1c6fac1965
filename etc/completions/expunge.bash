# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of expunge's commands and options for bash.  Keys and ids are never offered: they are personal.

_expunge()
{
    local global='--config --json --quiet --verbose --no-color'
    local commands='init check plan run watch restore export request approve withdraw hold release status report certificate verify replay snapshot notify pause resume help'
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
        case $command in
        export) choices='jsonl csv' ;;
        report) choices='text json csv html' ;;
        *) choices='text json html' ;;
        esac
        ;;
    --ground) choices='contract_ended customer_request consent_withdrawn objection erasure_right minor_without_consent unlawful' ;;
    --type) choices='legal legal_process restriction' ;;
    --as-of | --database | --disposal | --for | --from | --into | --jobs | --label | --plan | --policy | --processor | --reason | --reference | --requested-by | --settle | --ticket | --to | --until | --user | --verified-by) return ;;
    *)
        case $command in
        '') choices="$global --version $commands" ;;
        init) choices='--database --user --rotate-master --rotate-signing-key' ;;
        check) choices='--accept' ;;
        plan) choices='--as-of --policy --sql' ;;
        run) choices='--policy --disposal --requests --jobs --for --allow-large --as-of' ;;
        restore) choices='--into' ;;
        export) choices='--format --output --disposal --database' ;;
        request) choices='--now --ground --ticket --requested-by --verified-by --label --database --user' ;;
        approve) choices='--plan --user' ;;
        withdraw | release) choices='--reason --user' ;;
        hold) choices='--type --reason --until --reference --database --user' ;;
        status) choices='--user' ;;
        report) choices='--from --to --format --output' ;;
        certificate) choices='--format --proof' ;;
        verify) choices='ledger snapshots absence --drill' ;;
        replay) choices='--plan --database' ;;
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
