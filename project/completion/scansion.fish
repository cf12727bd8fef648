# Completion of scansion for fish: it asks scansion itself, so that what is in conf/ now is offered.
function __scansion_complete
    set -l program (commandline -opc)[1]
    $program __complete fish (commandline -cp | string collect) 2>/dev/null
end
complete -c scansion -f -a '(__scansion_complete)'
