// A link to a lab opens it.
function show() {
  const lab = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = lab && lab.closest("details");
  if (details) {
    details.open = true;
    lab.scrollIntoView();
  }
}
addEventListener("hashchange", show);
show();
