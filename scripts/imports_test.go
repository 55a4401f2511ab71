package scripts

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/finwait/finwait"

// rooms says what a package may import besides the standard library; its tests
// may import testify too, and the package itself. cases imports harness, harness
// imports netns, never back and never sideways.
var rooms = map[string][]string{
	"/netns":          {"github.com/vishvananda/netns", "github.com/vishvananda/netlink", "github.com/vishvananda/netlink/nl", "golang.org/x/sys/unix"},
	"/harness/tcp":    {},
	"/harness/report": {module + "/harness/tcp"},
	"/harness": {
		module + "/netns", module + "/harness/tcp", module + "/harness/report", "github.com/coreos/go-iptables/iptables", "github.com/vishvananda/netlink/nl", "golang.org/x/sys/unix",
		"github.com/gopacket/gopacket", "github.com/gopacket/gopacket/layers", "github.com/gopacket/gopacket/pcapgo",
	},
	"/cases": {module + "/harness", module + "/harness/tcp"},
	"/scripts": {
		module + "/harness/tcp", module + "/harness/report", "golang.org/x/sys/unix",
		"github.com/chromedp/chromedp", "github.com/chromedp/cdproto/cdp", "github.com/chromedp/cdproto/emulation", "github.com/chromedp/cdproto/performance",
	},
	"/scripts/compare": {module + "/harness/report"},
	"/scripts/matrix":  {module + "/scripts/guest", module + "/harness/report", module + "/harness/tcp"},
	"/scripts/plan":    {},
	"/scripts/soak":    {module + "/harness/report", "golang.org/x/sys/unix"},
	"/scripts/kernels": {module + "/scripts/uml", "golang.org/x/sys/unix"},
	"/scripts/uml":     {},
	"/scripts/guest":   {},
	"/scripts/bisect":  {module + "/scripts/guest", module + "/scripts/uml", module + "/harness/report"},
	"/scripts/bench":   {module + "/harness", "golang.org/x/sys/unix"},
	"/scripts/vmexec":  {"golang.org/x/sys/unix"},
	"/scripts/mutants": {module + "/scripts/guest", module + "/harness/report", module + "/scripts/uml"},
}

// testRooms says what tests may import besides.
var testRooms = map[string][]string{
	"/harness": {"github.com/vishvananda/netns", "github.com/vishvananda/netlink"}, // to measure against
}

var testify = []string{"github.com/stretchr/testify/assert", "github.com/stretchr/testify/require"}

func TestImportsPointOneWay(t *testing.T) {
	const list = "{{.ImportPath}} {{join .Imports \" \"}}\n{{.ImportPath}} test {{join .TestImports \" \"}} {{join .XTestImports \" \"}}"
	out, err := exec.Command("go", "list", "-f", list, module+"/...").Output()
	require.NoError(t, err)
	checked := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		room := strings.TrimPrefix(fields[0], module)
		allowed, known := rooms[room]
		require.True(t, known, "%s is no room: say in rooms what it may import", room)
		checked[room] = true
		imports := fields[1:]
		if len(imports) > 0 && imports[0] == "test" {
			allowed = slices.Concat(allowed, testRooms[room], testify, fields[:1])
			imports = imports[1:]
		}
		for _, path := range imports {
			if strings.Contains(path, ".") { // not the standard library
				assert.Contains(t, allowed, path, "%s must not import %s", room, path)
			}
		}
	}
	assert.Len(t, checked, len(rooms))
}
