package harness

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var someKernel = kernel{release: "6.18.44", version: tcp.Release{Major: 6, Minor: 18}, hz: 250, defaults: tcp.DefaultSettings()}

// somePlan is that of three cases: a long one, a short one, one that is not
// timed.
func somePlan(own Sysctls) plan {
	r := &run{own: own, source: "a test"}
	for _, c := range []Case{
		{Name: "short", Sysctls: Sysctls{"tcp_orphan_retries": 2}, Ends: tcp.Ending{State: tcp.FinWait1}},
		{Name: "untimed"},
		{Name: "own", OwnSettings: true, Ends: tcp.Ending{State: tcp.FinWait2}},
	} {
		r.declare(c.variants(own))
	}
	return r.makePlan(someKernel)
}

// What a person asks the calculator: what will tcp_fin_timeout=65 do?
func TestPlanText(t *testing.T) {
	var out bytes.Buffer
	somePlan(Sysctls{"tcp_fin_timeout": 65}).print(&out)
	assert.Regexp(t, `(?s)^Linux 6\.18\.44, HZ 250; settings of a test\n`+
		`.*a retransmission timeout of 204 ms\..*`+
		`! tcp_fin_timeout=65: the kernel waits twice.*about 10 s, not 65 s\n.*`+
		`! tcp_fin_timeout=65 is not the length of TIME_WAIT.*`+
		`\nFIN_WAIT_2, own\n  10\.000 to 10\.512 s\n.*not 65\.000 to 67\.048 s: 65 s as one wait\n.*`+
		`\nFIN_WAIT_1, short\n  3\.264 to 3\.368 s\n.*204 ms tail loss probe.*not 1\.632 to 1\.704 s: one retry fewer.*`+
		`Judged by what happens, not by a timer:\n  untimed\n$`, out.String())
}

func TestPlanJSON(t *testing.T) {
	text, err := json.Marshal(somePlan(nil))
	require.NoError(t, err)
	var got struct {
		Version    int
		HZ         int
		AssumedRTO float64 `json:"assumed_rto"`
		Settings   map[string]int
		Surprises  []string
		Cases      []struct {
			Case   string
			Window []struct{ Min float64 }
			Rivals []struct{}
		}
	}
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, 1, got.Version)
	assert.Equal(t, 250, got.HZ)
	assert.InDelta(t, 0.204, got.AssumedRTO, 0)
	assert.Equal(t, 60, got.Settings["tcp_fin_timeout"])
	assert.NotEmpty(t, got.Surprises)
	require.Len(t, got.Cases, 3)
	assert.Equal(t, "FIN_WAIT_1, short", got.Cases[1].Case)
	assert.InDelta(t, 3.264, got.Cases[1].Window[0].Min, 0)
	assert.NotEmpty(t, got.Cases[1].Rivals)
}

// With the retransmission timeout that the plan assumes, the run has the plan's
// windows, and the plan those of the run with what TCP_INFO says of its connection.
func TestPlanIsTheRuns(t *testing.T) {
	t.Parallel()
	requireLab(t)
	kernel, err := thisKernel()
	require.NoError(t, err)
	for _, c := range []Case{
		{Sysctls: Sysctls{"tcp_orphan_retries": 2}, Ends: tcp.Ending{State: tcp.FinWait1}},
		{Sysctls: Sysctls{"tcp_fin_timeout": 65}, Ends: tcp.Ending{State: tcp.FinWait2}},
		{Sysctls: Sysctls{"tcp_fin_timeout": 0}, Ends: tcp.Ending{State: tcp.FinWait2}},
		{Sysctls: Sysctls{"tcp_retries2": 3}, Ends: tcp.Ending{State: tcp.Established, Hold: tcp.DataInFlight}},
		{Ends: tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindow}},
		{Ends: tcp.Ending{State: tcp.TimeWait}},
	} {
		planned := c.variants(nil)[0]
		lab, err := newLab(planned.Case, IPv4, time.Minute)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, lab.close()) })
		client, _ := lab.Connect(t)
		client.closed = true // the endings are an orphan's, or have no other
		model := planned.model(kernel)
		require.NoError(t, client.measure())
		assert.Equal(t, model.Window(c.Ends, client.socket), client.predict(c.Ends.State, nil))
		client.socket.RTO += 12 * time.Millisecond // as after a delayed acknowledgement
		assert.Equal(t, model.Window(c.Ends, client.socket), client.predict(c.Ends.State, nil))
		client.socket = model.IdleSocket()
		assert.Equal(t, planned.window(kernel), client.predict(c.Ends.State, nil))
		client.closed = false
	}
}
