# Runs "$@" until it ends, or until whoever holds the other end of standard input is gone, in whatever way.
# Runs as the leader of a process group, so that 0 is that group: the program and all it has started.
exec 3<&0
# Before the trap, which it would have for its first moments.
{ read -r _ <&3; kill -TERM 0; } &
# Asked to end, it stays until the program has: a container may have nobody else to reap it. A handler,
# not '': what is ignored here would be ignored by the program, too.
trap : TERM
"$@" </dev/null 3<&- &
program=$!
while kill -0 "$program" 2>/dev/null; do
  wait "$program"
  status=$?
done
trap '' TERM
kill -TERM 0
wait
exit "$status"
