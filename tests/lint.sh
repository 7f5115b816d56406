#!/usr/bin/env bash
# lint.sh: rules of ours that no compiler knows. Prints FILE:LINE: RULE for each breach, exits 1 if any.
set -euo pipefail
shopt -s lastpipe # so that report can set bad
cd "$(dirname "$0")/.."

# Nobody calls these: no bound, no thread safety, a shell, or a guess in place of an error.
never='system|popen|gets|sprintf|vsprintf|strcpy|strcat|strncpy|strncat|strtok|tmpnam|tempnam|mktemp|atoi|atol|atoll|atof|alloca|asctime|ctime|gmtime|localtime|setenv|putenv|vfork'
# Raw system calls: src/os is their only home.
os_only='open|openat|creat|fopen|fdopen|freopen|opendir|fdopendir|socket|bind|listen|accept|accept4|connect|send|sendto|sendmsg|recv|recvfrom|recvmsg|read|readv|pread|write|writev|pwrite|sendfile|rename|renameat|renameat2|unlink|unlinkat|mkdir|mkdirat|rmdir|link|symlink|ftruncate|fallocate|fsync|fdatasync|fork|execv|execve|execvp|pthread_create|pthread_mutex_lock|nanosleep|usleep|sleep|kill|sigaction'

# Code without comments and string literals, as FILE:LINE:TEXT.
code_of() {
    awk '
        FNR == 1 { in_comment = 0 }
        {
            line = $0; out = ""
            while (line != "") {
                if (in_comment) {
                    i = index(line, "*/")
                    if (!i) break
                    line = substr(line, i + 2); in_comment = 0
                } else if (match(line, /\/\*|\/\/|"(\\.|[^"\\])*"|'"'"'(\\.|[^'"'"'\\])+'"'"'/)) {
                    out = out substr(line, 1, RSTART - 1)
                    t = substr(line, RSTART, 2)
                    if (t == "//") { line = ""; break }
                    if (t == "/*") { in_comment = 1; line = substr(line, RSTART + 2) }
                    else { out = out "\"\""; line = substr(line, RSTART + RLENGTH) }
                } else { out = out line; line = "" }
            }
            if (out ~ /[^ \t]/) print FILENAME ":" FNR ":" out
        }' "$@"
}

bad=0
report() { # report RULE: each line of stdin is a breach
    local hits
    hits=$(cat)
    [ -n "$hits" ] || return 0
    printf '%s\n' "$hits" | sed "s|\$|    <- $1|"
    bad=1
}
call() { grep -E "(^|[^A-Za-z0-9_.>])($1) ?\(" || true; }

# Listed from the folder, not from git, so that a file not yet added is looked at too.
mapfile -t sources < <(find src include -name '*.[ch]' -o -name '*.cc' 2>/dev/null | sort)
if [ ${#sources[@]} -gt 0 ]; then
    code_of "${sources[@]}" | call "$never" | report "never: unbounded, not thread-safe, or a shell"
    # (A C++ method of that name, which a library wants, is none.)
    mapfile -t outside < <(printf '%s\n' "${sources[@]}" | grep -v '^src/os/' || true)
    [ ${#outside[@]} -eq 0 ] ||
        code_of "${outside[@]}" | grep -v ') override' | call "$os_only" | report "raw system call outside src/os"
    wc -l "${sources[@]}" | awk '$2 != "total" && $1 > 700 { print $2 ":" $1 }' | report "longer than 700 lines"
fi

mapfile -t texts < <(git ls-files -co --exclude-standard -- src include tests viewer docs data dev .ci '*.md' '*meson*' |
    grep -E '(\.(c|h|cc|py|sh|ts|tsx|css|md|build|mjs|js)|/run|^dev)$' | grep -v '^tests/lint.sh$')
if [ ${#texts[@]} -gt 0 ]; then
    marks='TODO|FIXME|XXX|HACK|not yet implemented|unimplemented stub'
    { grep -nHE "\b($marks)\b" "${texts[@]}" || true; } | report "unfinished mark"
    { grep -nHE '[[:blank:]]+$' "${texts[@]}" || true; } | grep -v '\.md:' | report "blanks at the end of a line" || true
    { grep -nHE '^(<<<<<<<|>>>>>>>) ' "${texts[@]}" || true; } | report "merge conflict mark"
fi
exit $bad
