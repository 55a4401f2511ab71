package tcp

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseSysctlsOfAnImage(t *testing.T) {
	in, err := os.Open("testdata/99-web.conf")
	require.NoError(t, err)
	defer in.Close()
	file, err := ParseSysctls("99-web.conf", in)
	require.NoError(t, err)
	assert.Equal(t, SysctlFile{
		Values: map[string]int{
			"tcp_tw_reuse": 1, "tcp_fin_timeout": 15, "tcp_keepalive_time": 600, "tcp_keepalive_intvl": 60,
			"tcp_retries2": 8, "tcp_syn_retries": 3, "tcp_orphan_retries": 2,
		},
		Ignored: 10,
		Unused: []string{
			"tcp_max_syn_backlog", "tcp_max_tw_buckets", "tcp_slow_start_after_idle", "tcp_congestion_control",
			"tcp_rmem", "tcp_wmem", "tcp_fastopen_key",
		},
		HostWide: []string{"tcp_mem", "tcp_max_orphans"},
		Forgiven: []*LineError{{"99-web.conf", 37, "unknown sysctl net.ipv4.tcp_tw_recycle"}},
	}, file)
	settings := DefaultSettings()
	for name, value := range file.Values {
		assert.True(t, settings.Set(name, value), name)
	}
}

func TestSysctlValues(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       map[string]int
	}{
		{"dots", "net.ipv4.tcp_fin_timeout=5", map[string]int{"tcp_fin_timeout": 5}},
		{"slashes", "net/ipv4/tcp_fin_timeout=5", map[string]int{"tcp_fin_timeout": 5}},
		{"separators twice", "/net//ipv4/tcp_fin_timeout=5", map[string]int{"tcp_fin_timeout": 5}},
		{"mixed separators name another file", "net.ipv4/tcp_fin_timeout=5", map[string]int{}},
		{"dash", "-net.ipv4.tcp_fin_timeout=5", map[string]int{"tcp_fin_timeout": 5}},
		{"dash and blank", "  - net.ipv4.tcp_fin_timeout = 5", map[string]int{"tcp_fin_timeout": 5}},
		{"comments", "#a\n ;b = c\n\t# net.ipv4.tcp_sack = 0\n\n", map[string]int{}},
		{"carriage returns", "net.ipv4.tcp_retries2 = 5\r\n\r\nnet.ipv4.tcp_sack = 0\r\n", map[string]int{"tcp_retries2": 5, "tcp_sack": 0}},
		{"hexadecimal", "net.ipv4.tcp_retries2=0X1f", map[string]int{"tcp_retries2": 31}},
		{"octal", "net.ipv4.tcp_retries2=010", map[string]int{"tcp_retries2": 8}},
		{"nought", "net.ipv4.tcp_orphan_retries=0", map[string]int{"tcp_orphan_retries": 0}},
		{"last wins", "net.ipv4.tcp_retries2=1\nnet/ipv4/tcp_retries2=2", map[string]int{"tcp_retries2": 2}},
		{"least and most", "net.ipv4.tcp_rto_max_ms=1000\nnet.ipv4.tcp_retries2=255", map[string]int{"tcp_rto_max_ms": 1000, "tcp_retries2": 255}},

		{"pattern", "net.ipv4.tcp_keepalive_*=9", map[string]int{"tcp_keepalive_time": 9, "tcp_keepalive_intvl": 9, "tcp_keepalive_probes": 9}},
		{"pattern, one letter", "net.ipv4.tcp_retries?=9", map[string]int{"tcp_retries2": 9}},
		{"pattern, letters", "net.ipv4.tcp_keepalive_[!ip]*=9", map[string]int{"tcp_keepalive_time": 9}},
		{"pattern of directories", "net.*.tcp_fin_timeout=9", map[string]int{"tcp_fin_timeout": 9}},
		{"pattern outside", "net.ipv4.conf.*.rp_filter=1", map[string]int{}},
		{"pattern before a line of its own", "net.ipv4.tcp_syn?retries=9\nnet.ipv4.tcp_syn_retries=3", map[string]int{"tcp_syn_retries": 3}},
		{"pattern behind a line of its own", "net.ipv4.tcp_syn_retries=3\nnet.ipv4.tcp_syn?retries=9", map[string]int{"tcp_syn_retries": 3}},
		{"later pattern wins", "net.ipv4.tcp_keepalive_*=9\nnet.ipv4.tcp_*_intvl=1\n-net.ipv4.tcp_keepalive_[tp]*", map[string]int{"tcp_keepalive_intvl": 1}},
		{"excluded", "-net.ipv4.tcp_keepalive_time\nnet.ipv4.tcp_keepalive_*=9", map[string]int{"tcp_keepalive_intvl": 9, "tcp_keepalive_probes": 9}},
		{"excluded from patterns alone", "-net.ipv4.tcp_keepalive_*\nnet.ipv4.tcp_keepalive_time=9", map[string]int{"tcp_keepalive_time": 9}},
		{"out of range for a sysctl that is excluded", "net.ipv4.tcp_keepalive_*=300\n-net.ipv4.tcp_keepalive_probes", map[string]int{"tcp_keepalive_time": 300, "tcp_keepalive_intvl": 300}},
	} {
		t.Run(row.name, func(t *testing.T) {
			file, err := ParseSysctls("a.conf", iotest.OneByteReader(strings.NewReader(row.text)))
			require.NoError(t, err)
			assert.Equal(t, row.want, file.Values)
			assert.Empty(t, file.Forgiven)
		})
	}
}

func TestSysctlsOutsideTheModel(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       SysctlFile
	}{
		{"empty", "", SysctlFile{}},
		{"each key counts once", "a.b=\nvm.x=1\na/b=2\n-a.c\nnet.ipv4.conf.*.y=1\nnet.ipv6.tcp_z=1\nnet.ipv4.tcpx=1", SysctlFile{Ignored: 6}},
		{"a malformed pattern", "net.core.[a=1", SysctlFile{Ignored: 1}},
		{"host-wide", "net.ipv4.tcp_mem=1 2 3\nnet.ipv4.tcp_max_orphans=many\nnet.ipv4.tcp_mem=4", SysctlFile{HostWide: []string{"tcp_mem", "tcp_max_orphans"}}},
		{"unused", "net.ipv4.tcp_ecn=x\nnet.ipv4.tcp_plb_*=1\n-net.ipv4.tcp_rmem", SysctlFile{Unused: []string{
			"tcp_ecn", "tcp_plb_cong_thresh", "tcp_plb_enabled", "tcp_plb_idle_rehash_rounds", "tcp_plb_rehash_rounds", "tcp_plb_suspend_rto_sec",
		}}},
		{"forgiven", "-net.ipv4.tcp_syn_retries=0\n-net.ipv4.tcp_nothing_like_it=1", SysctlFile{Forgiven: []*LineError{
			{"a.conf", 1, "tcp_syn_retries=0 is outside 1 to 127"},
			{"a.conf", 2, "unknown sysctl net.ipv4.tcp_nothing_like_it"},
		}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.want.Values = map[string]int{}
			file, err := ParseSysctls("a.conf", strings.NewReader(row.text))
			require.NoError(t, err)
			assert.Equal(t, row.want, file)
		})
	}
}

func TestSysctlErrors(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, row := range []struct{ name, text, want string }{
		{"mistyped", "\nnet.ipv4.tcp_fin_timeuot = 5", "a.conf:2: unknown sysctl net.ipv4.tcp_fin_timeuot; did you mean tcp_fin_timeout?"},
		{"like none", "net.ipv4.tcp_tw_recycle = 1", "a.conf:1: unknown sysctl net.ipv4.tcp_tw_recycle"},
		{"a name without end", "net.ipv4.tcp_" + long[:5000] + "=1", "a.conf:1: unknown sysctl net.ipv4.tcp_" + long[:60]},
		{"below a sysctl", "net/ipv4/tcp_sack/0 = 1", "a.conf:1: unknown sysctl net.ipv4.tcp_sack/0; did you mean tcp_sack?"},
		{"a pattern for nothing", "net.ipv4.tcp_keepalve_* = 5", "a.conf:1: no sysctl matches net.ipv4.tcp_keepalve_*"},
		{"a malformed pattern", "net.ipv4.tcp_[a = 5", "a.conf:1: no sysctl matches net.ipv4.tcp_[a"},
		{"an exclusion mistyped", "-net.ipv4.tcp_finn_timeout", "a.conf:1: unknown sysctl net.ipv4.tcp_finn_timeout; did you mean tcp_fin_timeout?"},
		{"a blank in the name", "-net.ipv4.tcp_fastopen_key 00112233", "a.conf:1: a blank or a special character in the name of a sysctl"},
		{"a word", "net.ipv4.tcp_fin_timeout = 5s", `a.conf:1: tcp_fin_timeout="5s" is no integer`},
		{"a comment behind the value", "net.ipv4.tcp_fin_timeout = 5 # s", `a.conf:1: tcp_fin_timeout="5 # s" is no integer`},
		{"two values", "net.ipv4.tcp_fin_timeout = 5 6", `a.conf:1: tcp_fin_timeout="5 6" is no integer`},
		{"a plus", "net.ipv4.tcp_fin_timeout = +5", `a.conf:1: tcp_fin_timeout="+5" is no integer`},
		{"not octal", "net.ipv4.tcp_fin_timeout = 08", `a.conf:1: tcp_fin_timeout="08" is no integer`},
		{"nothing behind 0x", "net.ipv4.tcp_fin_timeout = 0x", `a.conf:1: tcp_fin_timeout="0x" is no integer`},
		{"a value without end", "net.ipv4.tcp_fin_timeout = " + long[:5000], `a.conf:1: tcp_fin_timeout="` + long[:40] + `" is no integer`},
		{"too little", "net.ipv4.tcp_syn_retries = 0", "a.conf:1: tcp_syn_retries=0 is outside 1 to 127"},
		{"too much", "net.ipv4.tcp_retries2 = 256", "a.conf:1: tcp_retries2=256 is outside 0 to 255"},
		{"negative", "net.ipv4.tcp_retries2 = -1", "a.conf:1: tcp_retries2=-1 is outside 0 to 255"},
		{"more than an int", "net.ipv4.tcp_fin_timeout = 99999999999999999999", "a.conf:1: tcp_fin_timeout=99999999999999999999 is outside 0 to 21474836"},
		{"too much for one of a pattern", "net.ipv4.tcp_keepalive_* = 300", "a.conf:1: tcp_keepalive_probes=300 is outside 0 to 255"},
		{"overruled", "net.ipv4.tcp_sack = no\nnet.ipv4.tcp_sack = 0", `a.conf:1: tcp_sack="no" is no integer`},
		{"no value", "net.ipv4.tcp_sack = \t\r\n", "a.conf:1: no value after ="},
		{"no name", "\n = 5", "a.conf:2: no name in the line"},
		{"separators for a name", "./. = 5", "a.conf:1: no name in the line"},
		{"nothing but a dash", "-", "a.conf:1: no name in the line"},
		{"no assignment", "net.ipv4.tcp_fastopen_key 00112233", "a.conf:1: no = in the line"},
		{"NUL", "net.ipv4.tcp_sack = 1\x00\n# \x00", "a.conf:1: a NUL byte: this is no text file"},
		{"over-long", long + "x\nnet.ipv4.tcp_sack", "a.conf:1: longer than 1048576 bytes\na.conf:2: no = in the line"},
		{"over-long by far", strings.Repeat(long, 3), "a.conf:1: longer than 1048576 bytes"},
		{
			"all of them, in the file's order", "net.ipv4.tcp_retries2 = 300\nnet.ipv4.tcp_sack\nnet.ipv4.tcp_sack = 1\nnet.ipv4.tcp_sak = 1",
			"a.conf:1: tcp_retries2=300 is outside 0 to 255\na.conf:2: no = in the line\na.conf:4: unknown sysctl net.ipv4.tcp_sak; did you mean tcp_sack?",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			file, err := ParseSysctls("a.conf", strings.NewReader(row.text))
			require.EqualError(t, err, row.want)
			assert.Empty(t, file)
			var line *LineError
			assert.ErrorAs(t, err, &line)
		})
	}
}

// A line as long as the longest is no error.
func TestSysctlLongestLine(t *testing.T) {
	text := "# " + strings.Repeat("x", maxLine-2)
	for _, end := range []string{"", "\n"} {
		_, err := ParseSysctls("a.conf", strings.NewReader(text+end))
		assert.NoError(t, err)
	}
}

func TestSysctlsThatCannotBeRead(t *testing.T) {
	broken := errors.New("broken")
	file, err := ParseSysctls("a.conf", iotest.DataErrReader(&failing{strings.NewReader("x\nnet.ipv4.tcp_sack = 1\n"), broken}))
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "a.conf:1: no = in the line\na.conf: read line 3: broken")
	assert.Empty(t, file)
}

// failing gives its text, then an error in place of the end.
type failing struct {
	text *strings.Reader
	err  error
}

func (f *failing) Read(b []byte) (int, error) {
	if f.text.Len() == 0 {
		return 0, f.err
	}
	return f.text.Read(b)
}

// What the model depends on is known, and only once.
func TestSysctlNames(t *testing.T) {
	assert.Len(t, slices.Compact(slices.Clone(tcpSysctls)), len(tcpSysctls))
	for _, sysctl := range sysctls {
		assert.Contains(t, namespaced, sysctl.name)
	}
	for _, name := range tcpSysctls {
		assert.Equal(t, name, nearest(name))
	}
}

func FuzzParseSysctls(f *testing.F) {
	image, err := os.ReadFile("testdata/99-web.conf")
	require.NoError(f, err)
	f.Add(image)
	for _, seed := range []string{
		"", "\n", "-", "=", "-=", "#\r\n;", "net.ipv4.tcp_fin_timeuot=5", "-net.ipv4.tcp_*\nnet/ipv4/tcp_*=0x1", "*=1", "[", "net.ipv4.tcp_[^a-]=-0",
		"net.ipv4.tcp_rto_min_us=\x00", "..=1", "net.ipv4.tcp_sack=1=2", "\xff.\\=1", "net.ipv4.tcp_retries2=00000000000000000000008",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := ParseSysctls("a.conf", bytes.NewReader(text))
		if err != nil {
			joined, many := err.(interface{ Unwrap() []error })
			require.True(t, many)
			checkLines(t, text, joined.Unwrap())
			assert.Empty(t, file)
			return
		}
		for _, forgiven := range file.Forgiven {
			checkLines(t, text, []error{forgiven})
		}
		settings := DefaultSettings()
		for name, value := range file.Values {
			assert.True(t, settings.Set(name, value), name)
		}
	})
}

// checkLines checks that the errors name lines of the text, in its order.
func checkLines(t testing.TB, text []byte, errs []error) {
	t.Helper()
	last := 1
	for _, err := range errs {
		var line *LineError
		require.ErrorAs(t, err, &line)
		assert.GreaterOrEqual(t, line.Line, last)
		assert.NotContains(t, line.Problem, "\n")
		last = line.Line
	}
	assert.LessOrEqual(t, last, 1+bytes.Count(text, []byte("\n")))
}
