# SPDX-License-Identifier: Apache-2.0
# C source without comments and without the inside of strings, line by line as FILE:LINE:TEXT, for the checks that
# look at code alone.  #include lines keep their file names.

FNR == 1 { in_comment = 0 }

{
    line = $0
    out = ""
    if (!in_comment && line ~ /^[ \t]*#[ \t]*include/)
    {
        sub(/\/\*.*$/, "", line)
        print FILENAME ":" FNR ":" line
        next
    }
    while (line != "")
    {
        if (in_comment)
        {
            at = index(line, "*/")
            if (at == 0)
                break
            line = substr(line, at + 2)
            in_comment = 0
            out = out " "
        }
        else if (!match(line, /\/\*|\/\/|"|'/))
        {
            out = out line
            break
        }
        else
        {
            mark = substr(line, RSTART, RLENGTH)
            out = out substr(line, 1, RSTART - 1)
            line = substr(line, RSTART + RLENGTH)
            if (mark == "//")
                break
            if (mark == "/*")
                in_comment = 1
            else
            {
                match(line, mark == "\"" ? /^([^"\\]|\\.)*"?/ : /^([^'\\]|\\.)*'?/)
                line = substr(line, RLENGTH + 1)
                out = out mark mark
            }
        }
    }
    sub(/[ \t]+$/, "", out)
    print FILENAME ":" FNR ":" out
}
