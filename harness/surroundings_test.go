package harness

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inner marks a process that TestInnerLab runs in.
const inner = "FINWAIT_TEST_INNER"

// TestInnerLab does once what every case does, in surroundings that the tests
// below have made.
func TestInnerLab(t *testing.T) {
	if os.Getenv(inner) != "" {
		requireSuite(t)
		t.Log("the suite can run here")
	}
}

var innerLab = []string{os.Args[0], "-test.run=^TestInnerLab$", "-test.v"}

const (
	worksInside = "the suite can run here"
	// ownProc and readOnlySysctls are what a container does to its mounts.
	ownProc         = "mount -t proc proc /proc && "
	readOnlySysctls = "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && "
	container       = "unshare --net --mount --pid --fork"
)

// What a lab needs of its surroundings, and with which words it says so where
// they lack it.
func TestSurroundings(t *testing.T) {
	t.Parallel()
	requireContainers(t)
	for _, row := range []struct{ name, wrapper, script, says string }{
		{"a network namespace", "unshare --net", "", worksInside},
		{"a user namespace", "unshare -Urn", "", worksInside},
		{"a user namespace in another", "unshare -Urn unshare -Urn", "", worksInside},
		{"a user namespace without its root", "unshare -Un", "", "operation not permitted: this process lacks CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN\n"},
		{"a container", container, ownProc, worksInside},
		{"a container with read-only sysctls", container, ownProc + readOnlySysctls, "read-only file system: /proc/sys is read-only, as containers mount it: run the container with --privileged, or outside\n"},
		{"a user namespace in such a container", container, ownProc + readOnlySysctls + "unshare -Urn ", "/proc/sys is read-only, as containers mount it"},
		{"such a container with its sysctls mounted again", container, ownProc + readOnlySysctls + "mount -o remount,rw,bind /proc/sys && ", worksInside},
		{"a read-only root", "unshare --mount", "mount -o remount,ro,bind / && ", worksInside},
		{"the /proc of another pid namespace", "unshare --pid --fork", "", "no such file or directory: /proc must be mounted, and be that of this process's pid namespace"},
		{"a limit of namespaces", "unshare -Urn", "echo 1 >/proc/sys/user/max_net_namespaces && ", "no space left on device: the limit of network namespaces is reached; raise the sysctl user.max_net_namespaces"},
		{"three capabilities", "setpriv --bounding-set=-all,+net_admin,+net_raw,+sys_admin --inh-caps=-all", "", worksInside},
		{"no CAP_NET_ADMIN", "setpriv --bounding-set=-net_admin --inh-caps=-all", "", "operation not permitted: this process lacks CAP_NET_ADMIN\n"},
		{"no CAP_NET_RAW", "setpriv --bounding-set=-net_raw --inh-caps=-all", "", "operation not permitted: this process lacks CAP_NET_RAW\n"},
		{"no CAP_SYS_ADMIN", "setpriv --bounding-set=-sys_admin --inh-caps=-all", "", "operation not permitted: this process lacks CAP_SYS_ADMIN\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			script := append([]string{"sh", "-c", row.script + `"$@"`, "sh"}, innerLab...)
			wrapped := append(strings.Fields(row.wrapper), script...)
			command := exec.Command(wrapped[0], wrapped[1:]...)
			command.Env = append(os.Environ(), inner+"=1")

			out, err := command.CombinedOutput()

			assert.Contains(t, string(out), row.says)
			assert.Equal(t, row.says == worksInside, err == nil, string(out))
		})
	}
}

// A lab inside a lab has the same addresses, and they are in nobody's way.
func TestLabInsideALab(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	for _, host := range lab.hosts() {
		program := host.Command(innerLab[0], innerLab[1:]...)
		program.Env = append(os.Environ(), inner+"=1")
		var out strings.Builder
		program.Stdout, program.Stderr = &out, &out

		err := program.Run()

		require.NoError(t, err, out.String())
		assert.Contains(t, out.String(), worksInside)
	}
}
