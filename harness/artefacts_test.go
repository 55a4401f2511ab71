package harness

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A lab whose prediction was one retry off leaves a folder with everything that a
// reader needs to see that, in which the capture and the timeline agree.
func TestPreserve(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.FinWait1, Sysctls{"tcp_orphan_retries": 1})
	conn := held(t, lab, tcp.FinWait1)
	says := mistake(t, func(tb testing.TB) { conn.expectReaped(tb, with(conn, "tcp_orphan_retries", 2)) })
	record, err := lab.record()
	require.NoError(t, err)
	record.Rerun = "go test -run X"
	dir := t.TempDir()

	require.NoError(t, lab.preserve(dir, record, says))

	assert.Contains(t, record.Reason, "client reaped from FIN_WAIT_1 too early")
	for name, content := range map[string]string{
		"timeline.txt":        "client reaped from FIN_WAIT_1 too early",
		"rerun.txt":           "go test -run X\n",
		"sockets.txt":         "ESTABLISHED 192.0.2.2:6000 → 192.0.2.1:40000, receive queue 0",
		"counters.txt":        "TcpExt:TCPAbortOnTimeout ",
		"iptables.txt":        "-A FINWAIT -p tcp -c 4 ",
		"sysctls-client.conf": "\nnet.ipv4.tcp_orphan_retries = 1\n",
		"sysctls-server.conf": "\nnet.ipv4.tcp_orphan_retries = 1\n",
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Contains(t, string(text), content, name)
		assert.NotContains(t, string(text), "fastopen_key")
	}
	assert.Equal(t, sentAgain(record), finsOf(t, filepath.Join(dir, "capture.pcapng"), "client", lab.started))
}

// sentAgain are the moments at which the record has FINs leave the client, to the
// millisecond.
func sentAgain(record report.Lab) []time.Duration {
	var at []time.Duration
	for _, s := range record.Segments {
		if s.From == "client" && strings.Contains(s.Flags, "FIN") {
			at = append(at, s.Sent.Duration().Round(time.Millisecond))
		}
	}
	return at
}

// finsOf are the same of a capture file.
func finsOf(t *testing.T, path, host string, since time.Time) []time.Duration {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	reader, err := pcapgo.NewNgReader(bytes.NewReader(content), pcapgo.DefaultNgReaderOptions)
	require.NoError(t, err)
	parser := newSegmentParser()
	var at []time.Duration
	for {
		frame, info, err := reader.ReadPacketData()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		end, err := reader.Interface(info.InterfaceIndex)
		require.NoError(t, err)
		segment, isTCP, err := parser.parse(frame)
		require.NoError(t, err)
		require.True(t, isTCP)
		if end.Name == host && segment.Flags.Has(FIN) {
			at = append(at, info.Timestamp.Sub(since).Round(time.Millisecond))
		}
	}
	require.Len(t, at, 4)
	return at
}

// The directory of a report is the report's alone.
func TestArchiveOpen(t *testing.T) {
	t.Parallel()
	foreign, earlier := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "index.html"), []byte("mine"), 0o600))
	var a archive
	require.ErrorContains(t, a.open(foreign), foreign+" is not empty, and holds no report: name another directory")
	require.NoError(t, os.WriteFile(filepath.Join(foreign, resultsName), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "diary.txt"), nil, 0o600))
	require.ErrorContains(t, a.open(foreign), foreign+" holds diary.txt, which is not of a report")
	require.FileExists(t, filepath.Join(foreign, "index.html"))

	require.NoError(t, os.MkdirAll(filepath.Join(earlier, failedName, "TestX"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(earlier, resultsName), []byte("{}"), 0o600))
	require.NoError(t, a.open(earlier))
	require.DirExists(t, filepath.Join(earlier, failedName), "until there is another report")
	require.NoError(t, a.clear())
	require.NoDirExists(t, filepath.Join(earlier, failedName))
	require.NoError(t, os.Mkdir(filepath.Join(earlier, failedName), 0o700))
	require.NoError(t, a.clear(), "in the second round")
	require.DirExists(t, filepath.Join(earlier, failedName))
	require.NoError(t, a.open(earlier), "though the run ended early")
	require.ErrorContains(t, a.open(filepath.Join(earlier, resultsName, "below")), "opening the report: ")
}

// A test that is run twice is in the report twice.
func TestArchiveAdd(t *testing.T) {
	t.Parallel()
	a := archive{names: map[string]int{}}
	a.add(report.Lab{Test: "TestX/IPv4"})
	a.add(report.Lab{Test: "TestX/IPv4"})
	assert.Equal(t, "TestX/IPv4#2", a.labs[1].Test)
}

func TestRerun(t *testing.T) {
	t.Parallel()
	assert.Regexp(t, `^go test -count=1 (-exec '[^']+' )?-v -run '\^TestX\$/\^a\\\+b\$/\^IPv4\$' github\.com/finwait/finwait/harness`, rerun("TestX/a+b/IPv4"))
	assert.Equal(t, `'it'\''s'`, quote("it's"))
	assert.Equal(t, "./a-b_c=1", quote("./a-b_c=1"))
}

func TestFolderName(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "TestX-a=1-IPv4", folderName("TestX/a=1/IPv4"))
}

func TestParseStolen(t *testing.T) {
	t.Parallel()
	stolen, err := parseStolen("cpu  14269 0 5369 60711 291 0 35 65 0 0\ncpu0 1 2\n")
	require.NoError(t, err)
	assert.Equal(t, 650*time.Millisecond, stolen)
	for _, text := range []string{"", "intr 1 2 3 4 5 6 7 8 9", "cpu 1 2 3", "cpu  1 2 3 4 5 6 7 x"} {
		_, err := parseStolen(text)
		require.ErrorContains(t, err, "reading the stolen time: ")
	}
}

// Noise is told only where it is notable.
func TestDescribeNoise(t *testing.T) {
	t.Parallel()
	assert.Empty(t, describeNoise(report.Noise{Overshoot: report.Seconds(notable - 1), Stolen: report.Seconds(notable - 1)}))
	assert.Equal(t, "this process was held up for up to 120 ms; the hypervisor took 40 ms of the processors",
		describeNoise(report.Noise{Overshoot: report.Seconds(120 * time.Millisecond), Stolen: report.Seconds(40 * time.Millisecond)}))
}

// What passes is paired: a segment that did not arrive before its like was sent
// again was lost, and what was sent before is known.
func TestCrossings(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	fin := func(ms int, outgoing bool) Segment {
		return Segment{At: begin.Add(time.Duration(ms) * time.Millisecond), Flags: FIN | ACK, Seq: 7, Ack: 9, outgoing: outgoing}
	}
	near := []Segment{fin(0, true), fin(200, true), fin(250, false), fin(600, true)}
	far := []Segment{fin(201, false), fin(249, true)}

	got := crossings(nil, near, far)

	require.Len(t, got, 3)
	assert.Equal(t, []bool{false, true, true}, []bool{got[0].again, got[1].again, got[2].again})
	assert.True(t, got[0].arrived.IsZero(), "lost")
	assert.Equal(t, far[0].At, got[1].arrived)
	assert.True(t, got[2].arrived.IsZero(), "not there yet")
}

// An answer comes behind what it answers though both passed in the same moment,
// and segments that cross on the wire come in order of time.
func TestMerged(t *testing.T) {
	t.Parallel()
	now := time.Now()
	fin, ack := Segment{At: now.Add(1), Flags: FIN | ACK, Seq: 7}, Segment{At: now, Flags: ACK, Ack: 8}
	server := []Segment{withDirection(fin, true), withDirection(ack, false)}
	client := []Segment{withDirection(fin, false), withDirection(ack, true)}

	got := merged(crossings(nil, client, server), crossings(nil, server, client))

	require.Len(t, got, 2)
	assert.Equal(t, []Flags{FIN | ACK, ACK}, []Flags{got[0].Flags, got[1].Flags})

	crossed := merged(
		[]crossing{{Segment: fin, sent: now, left: 0, came: 1}},
		[]crossing{{Segment: ack, sent: now.Add(-1), left: 0, came: 1}})
	assert.Equal(t, []Flags{ACK, FIN | ACK}, []Flags{crossed[0].Flags, crossed[1].Flags})
}

func withDirection(s Segment, outgoing bool) Segment {
	s.outgoing = outgoing
	return s
}

// Hours of virtual time pass in a minute: no line is told of them.
func TestNoProgressInVirtualTime(t *testing.T) {
	t.Setenv("FINWAIT_VIRTUAL_TIME", "1")
	var p progress
	require.NoError(t, p.show(time.Hour, io.Discard))
	assert.Nil(t, p.quit)
	require.NoError(t, p.stop())
}

// The line of progress counts what is held, judged and failed.
func TestProgress(t *testing.T) {
	t.Parallel()
	p := progress{longest: 109 * time.Second, begin: time.Now().Add(-12 * time.Second)}
	p.hold()
	p.hold()
	p.release()
	p.end(true)
	p.end(false)
	assert.Equal(t, "  97 s left of 109 s   1 held, 2 judged, 1 failed", p.String())
	require.NoError(t, p.stop())
}

// A new round of go test -count has the line to itself.
func TestProgressAnew(t *testing.T) {
	var p progress
	require.NoError(t, p.show(time.Minute, io.Discard))
	first := p.done
	require.NoError(t, p.show(time.Minute, io.Discard))
	if first != nil { // nothing is shown without a terminal and without -v
		<-first
	}
	require.NoError(t, p.stop())
}
