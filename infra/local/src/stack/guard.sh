# Runs "$@" until it ends, or until the process at the other end of standard input is gone, however it ended.
# Runs as the leader of a process group, so that 0 is that group: the program and everything that it has started.
exec 3<&0
# Before the trap, which it would inherit for its first moments.
{ read -r _ <&3; kill -TERM 0; } &
# When asked to end, it waits for the program: in a container there may be no other process to reap it. A handler,
# not '': the program would inherit an ignored signal.
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
