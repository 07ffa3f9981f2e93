// Nobody who has just answered is told to start again.
const path = location.pathname.replace(/\/decision$/, "");
const answer = kept(path);
if (answer && byId(answer.id)) {
  finish(answer.id);
  showTime(answer.at);
  offerToTakeBack(path, answer);
}
