package harness

import (
	"testing"
	"time"
)

// LinkDown sets the host's end of the wire down. What the host sends finds no
// route and fails at once: its TCP counts a FIN as not sent and probes under the
// persist timer. What the peer sends is lost without an error, as in a freeze.
// [netns.Namespace.LinkDown] says what the kernel forgets with the link. It comes
// up again when the lab ends, so that what is aborted then is heard of at the
// other end.
func (h *Host) LinkDown(t testing.TB) {
	t.Helper()
	begin := time.Now()
	if err := h.ns.LinkDown(); err != nil {
		t.Fatalf("the %s: %v", h.name, err)
	}
	h.lab.onClose(h.ns.LinkUp)
	h.lab.linkWasDown = true
	h.lab.story.note(event{at: begin, host: h, text: "link down"})
	h.lab.kick()
}
