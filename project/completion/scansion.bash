# Completion of scansion for Bash: it asks scansion itself, so that what is in conf/ now is offered.
_scansion() {
    local candidate
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <("${COMP_WORDS[0]}" __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/.,] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _scansion scansion
