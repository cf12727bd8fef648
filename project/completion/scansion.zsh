# Completion of scansion for zsh: it asks scansion itself, so that what is in conf/ now is offered.
_scansion() {
    local line word told
    local -a whole whole_told open open_told list list_told
    for line in "${(@f)$("${words[1]}" __complete zsh "${(j: :)words[1,CURRENT-1]} ${PREFIX}" 2>/dev/null)}"; do
        word="${line%%$'\t'*}"
        told="${line#*$'\t'}"
        [[ -z "$word" ]] && continue
        [[ "$told" != "$line" && -n "$told" ]] && told="$word  -- $told" || told="$word"
        if [[ "$word" == *'=['* ]]; then  # a list, of which zsh would quote the bracket and find it changed
            list+=("$word"); list_told+=("$told")
        elif [[ "$word" == *[=/.,] ]]; then
            open+=("$word"); open_told+=("$told")
        else
            whole+=("$word"); whole_told+=("$told")
        fi
    done
    (( ${#whole} )) && compadd -l -d whole_told -a whole
    (( ${#open} )) && compadd -l -S '' -d open_told -a open
    (( ${#list} )) && compadd -l -Q -S '' -d list_told -a list
    (( ${#whole} + ${#open} + ${#list} ))
}
compdef _scansion scansion
