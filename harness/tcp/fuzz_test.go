package tcp

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A dice makes numbers out of the bytes of a fuzzer, and zeros when there are
// none left.
type dice []byte

// roll is a number from least to most, both included.
func (d *dice) roll(least, most int) int {
	var word [8]byte
	n := 8
	for bytes := 1; bytes < 8; bytes++ {
		if most-least < 1<<(8*bytes) {
			n = bytes
			break
		}
	}
	*d = (*d)[copy(word[:n], *d):]
	return least + int(binary.LittleEndian.Uint64(word[:])%(uint64(most-least)+1))
}

// often is a number from least to most, and one time out of two nothing.
func (d *dice) often(least, most int) int {
	if d.roll(0, 1) == 0 {
		return 0
	}
	return d.roll(least, most)
}

// model is any that a kernel could have: every sysctl is in its range.
func (d *dice) model() Model {
	m := Model{HZ: everyHZ[d.roll(0, len(everyHZ)-1)], Settings: DefaultSettings()}
	m.Release = []Release{{}, {5, 10}, {6, 1}, {6, 12}, {6, 18}, {6, 19}}[d.roll(0, 5)]
	for _, sysctl := range sysctls {
		switch d.roll(0, 3) {
		case 0: // the default
		case 1:
			sysctl.set(&m.Settings, d.roll(sysctl.min, sysctl.max))
		default: // near the least, where most settings are
			sysctl.set(&m.Settings, d.roll(sysctl.min, min(sysctl.max, sysctl.min+20)))
		}
	}
	if late := time.Duration(d.often(0, 3_000_000)) * time.Microsecond; late > 0 {
		m.Late = func(Span) time.Duration { return late }
	}
	return m
}

// ending is any that there is, with options in the ranges of the kernel. Only a
// user timeout is shorter than it could be, because every firing before it is
// kept.
func (d *dice) ending() Ending {
	endings := everyEnding()
	ending := endings[d.roll(0, len(endings)-1)]
	ending.Options = Options{
		UserTimeout:       time.Duration(d.often(1, 60_000)) * time.Millisecond,
		Linger2:           time.Duration(d.often(-1, maxInt)) * time.Second,
		SynCount:          d.often(1, maxSyn),
		Keepalive:         d.roll(0, 1) == 1,
		KeepaliveIdle:     time.Duration(d.often(1, 1<<15-1)) * time.Second,
		KeepaliveInterval: time.Duration(d.often(1, 1<<15-1)) * time.Second,
		KeepaliveCount:    d.often(1, maxSyn),
	}
	return ending
}

// socket is one whose retransmission timeout is between a jiffy and the maximum.
func (d *dice) socket(m Model) Socket {
	least, most := m.HZ.Tick(), m.rtoMax()
	switch d.roll(0, 2) {
	case 0:
		return m.IdleSocket()
	case 1:
		most = min(most, time.Second)
	}
	return Socket{
		RTO: least + time.Duration(d.roll(0, int((most-least)/time.Microsecond)))*time.Microsecond,
		RTT: time.Duration(d.roll(0, int(most/time.Microsecond))) * time.Microsecond,
	}
}

// Whatever kernel, connection and end: the window is sound, so are the rivals,
// and more retries never end sooner.
func FuzzModel(f *testing.F) {
	f.Add([]byte{})
	for n := range byte(32) { // each state with small numbers for everything, and with great ones
		f.Add(slices.Repeat([]byte{n, 1}, 80))
		f.Add(slices.Repeat([]byte{1, n<<3 | 7, 0xff}, 60))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d := dice(text)
		m, ending := d.model(), d.ending()
		socket := d.socket(m)

		w := m.Window(ending, socket)

		sound := assertSound(t, w) && assertMoreRetries(t, m, w, socket)
		for _, rival := range w.Rivals {
			sound = sound && assert.NotEmpty(t, rival.Name)
			sound = sound && assert.Equal(t, rival.Window.Never(), len(rival.Window.Outcomes) == 0, rival.Name)
			sound = sound && assert.False(t, w.Never() && rival.Window.Never(), rival.Name)
		}
		sound = sound && assert.NotEmpty(t, w.Explain()) && assert.NotEmpty(t, w.String())
		for _, surprise := range m.Surprises() {
			sound = sound && assert.Contains(t, surprise, "tcp_")
		}
		if !sound {
			t.Fatalf("%v %+v\nHZ %d %v %+v\n%+v\n%v\n%s", ending, ending.Options, m.HZ, m.Release, m.Settings, socket, w, w.Explain())
		}
	})
}

// assertMoreRetries compares the window with those of one retry more.
func assertMoreRetries(t *testing.T, m Model, w Window, socket Socket) bool {
	t.Helper()
	latest := func(w Window) Span {
		if w.Never() {
			return lives
		}
		return Span{w.Min(), w.Max()}
	}
	names := []string{"tcp_syn_retries", "tcp_synack_retries", "tcp_keepalive_probes"}
	switch {
	case w.Ending.Hold.persists() && w.Ending.Options.UserTimeout > 0:
		// The user timeout ends it, and the retries only say how far apart the
		// probes are that find out.
	case w.Ending.owned():
		names = append(names, "tcp_retries2")
	case m.Settings.OrphanRetries > 0: // 0 means 8
		names = append(names, "tcp_orphan_retries")
	}
	ok := true
	for _, sysctl := range sysctls {
		if value := sysctl.get(m.Settings) + 1; slices.Contains(names, sysctl.name) && value <= sysctl.max {
			more := m
			sysctl.set(&more.Settings, value)
			now, then := latest(w), latest(more.window(w.Ending, socket))
			ok = ok && assert.True(t, now.Min <= then.Min && now.Max <= then.Max, "%s=%d ends at %v", sysctl.name, value, then)
		}
	}
	return ok
}

// A release is read from its beginning, or refused in one line.
func FuzzParseRelease(f *testing.F) {
	for _, seed := range []string{
		"6.18.44", "5.10.0-8-amd64", "7.3-rc1", "6.1", "", "6", "6.", ".1", "-6.1", "+6.1", "6.-1", "0.0", "06.01", "6_0.1", " 6.1", "6.18446744073709551616", "linux",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		release, err := ParseRelease(text)
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
			assert.Equal(t, Release{}, release)
			return
		}
		assert.Positive(t, release.Major)
		assert.GreaterOrEqual(t, release.Minor, 0)
		again, err := ParseRelease(strings.TrimPrefix(release.String(), "Linux "))
		require.NoError(t, err)
		assert.Equal(t, release, again)
	})
}
