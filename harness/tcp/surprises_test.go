package tcp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The defaults hold some surprises of their own.
func TestSurprisesOfDefaults(t *testing.T) {
	assert.Equal(t, []string{
		"tcp_orphan_retries=0: 0 means 8 until the timeout reaches its maximum, so an orphan whose FIN is not acknowledged lives about 104 s",
		"tcp_tw_reuse=2 reuses a TIME_WAIT between loopback addresses alone and is off for all others",
		"tcp_retries2=15 is no count but a time, 924.6 s from the first timeout on and looked at only when the timer fires, so unacknowledged data ends a connection after about 929 s and 16 retransmissions",
		"tcp_syn_retries=6 with tcp_syn_linear_timeouts=4 sends a SYN 10 times again, and connect fails after about 131 s",
	}, model(250, nil).Surprises())
}

func TestSurprises(t *testing.T) {
	for _, row := range []struct {
		name    string
		sysctls map[string]int
		hz      HZ
		want    string // a part of the sentence that begins with the name
	}{
		{"tcp_fin_timeout=65:", map[string]int{"tcp_fin_timeout": 65}, 250, "an orphan stays in FIN_WAIT_2 for about 10 s, not 65 s"},
		{"tcp_fin_timeout=61:", map[string]int{"tcp_fin_timeout": 61}, 250, "about 2 s, not 61 s"},
		{"tcp_fin_timeout=180:", map[string]int{"tcp_fin_timeout": 180}, 1000, "about 240 s, not 180 s"},
		{"tcp_fin_timeout=120:", map[string]int{"tcp_fin_timeout": 120}, 250, ""},
		{"tcp_fin_timeout=60", nil, 250, ""},

		{"tcp_orphan_retries=0", nil, 1000, "about 103 s"},
		{"tcp_orphan_retries=0", map[string]int{"tcp_rto_max_ms": 1000}, 250, "about 2.63 s"},

		{"tcp_fin_timeout=120 is not the length of TIME_WAIT", map[string]int{"tcp_fin_timeout": 120}, 250, "stays 60 s"},
		{"tcp_fin_timeout=5 is not the length of TIME_WAIT", map[string]int{"tcp_fin_timeout": 5}, 250, "stays 60 s"},

		{"tcp_tw_reuse=0", map[string]int{"tcp_tw_reuse": 0}, 250, ""},
		{"tcp_tw_reuse=1", map[string]int{"tcp_tw_reuse": 1}, 250, "older than 1 s"},

		{"tcp_retries2=0", map[string]int{"tcp_retries2": 0}, 250, "200 ms from the first timeout on and looked at only when the timer fires, so unacknowledged data ends a connection after about 816 ms and 2 retransmissions"},
		{"tcp_retries2=2", map[string]int{"tcp_retries2": 2}, 250, "after about 3.26 s and 4 retransmissions"},
		{"tcp_retries2=2", map[string]int{"tcp_retries2": 2, "tcp_sack": 0}, 250, "after about 3.06 s and 3 retransmissions"},
		{"tcp_retries2=4", map[string]int{"tcp_retries2": 4}, 250, "after about 6.61 s or 13.1 s and at most 6 retransmissions"},
		{"tcp_retries2=15", nil, 100, "after about 935 s and 16 retransmissions"},
		{"tcp_retries2=15", map[string]int{"tcp_rto_max_ms": 1000}, 250, "after about 14.8 s or 15.6 s and at most 17 retransmissions"},
		{"tcp_retries2=3", map[string]int{"tcp_retries2": 3, "tcp_thin_linear_timeouts": 1}, 250, "after about 4.49 s and 10 retransmissions"},

		{"tcp_orphan_retries=2", map[string]int{"tcp_orphan_retries": 2}, 250, "1.4 s from the first timeout on and looked at only when the timer fires, so an unacknowledged FIN ends an orphan after about 3.26 s and 4 retransmissions"},
		{"tcp_orphan_retries=4", map[string]int{"tcp_orphan_retries": 4}, 250, "after about 6.61 s or 13.1 s and at most 6 retransmissions"},

		{"tcp_fin_timeout=0 is below", map[string]int{"tcp_fin_timeout": 0}, 250, "an orphan stays in FIN_WAIT_2: about 716 ms"},
		{"tcp_fin_timeout=1 is below", map[string]int{"tcp_fin_timeout": 1, "tcp_rto_min_us": 400_000}, 250, "about 1.42 s"},
		{"tcp_fin_timeout=1 is below", map[string]int{"tcp_fin_timeout": 1}, 250, ""},

		{"tcp_syn_retries=3", map[string]int{"tcp_syn_retries": 3}, 250, "tcp_syn_linear_timeouts=4 sends a SYN 7 times again, and connect fails after about 19 s"},
		{"tcp_syn_retries=1", map[string]int{"tcp_syn_retries": 1}, 250, "2 times again, and connect fails after about 3 s"},
		{"tcp_syn_retries=6", map[string]int{"tcp_syn_linear_timeouts": 0}, 250, ""},
		{"tcp_syn_retries=127", map[string]int{"tcp_syn_retries": 127, "tcp_syn_linear_timeouts": 0}, 250, ""},
		{"tcp_syn_retries=127", map[string]int{"tcp_syn_retries": 127, "tcp_syn_linear_timeouts": 127}, 250, "253 times again, and connect fails after about 14647 s"},

		{"tcp_keepalive_", nil, 250, ""},
		{"tcp_keepalive_time=600:", map[string]int{"tcp_keepalive_time": 600}, 250, "after about 1275 s of silence"},
		{"tcp_keepalive_intvl=1, tcp_keepalive_probes=2:", map[string]int{"tcp_keepalive_intvl": 1, "tcp_keepalive_probes": 2}, 250, "only a connection with SO_KEEPALIVE is probed and ends after about 7202 s"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var found []string
			for _, sentence := range model(row.hz, row.sysctls).Surprises() {
				if strings.HasPrefix(sentence, row.name) {
					found = append(found, sentence)
				}
			}
			if row.want == "" {
				assert.Empty(t, found)
			} else if assert.Len(t, found, 1) {
				assert.Contains(t, found[0], row.want)
			}
		})
	}
}

// They come in one order whatever is set, each at its place.
func TestSurprisesOrder(t *testing.T) {
	var begins []string
	for _, sentence := range model(250, map[string]int{
		"tcp_fin_timeout": 65, "tcp_orphan_retries": 1, "tcp_rto_min_us": 30_000_000, "tcp_keepalive_probes": 1, "tcp_tw_reuse": 1,
	}).Surprises() {
		begins = append(begins, strings.Trim(strings.Fields(sentence)[0], ":"))
	}
	assert.Equal(t, []string{
		"tcp_fin_timeout=65", "tcp_fin_timeout=65", "tcp_tw_reuse=1", "tcp_retries2=15", "tcp_orphan_retries=1",
		"tcp_fin_timeout=65", "tcp_syn_retries=6", "tcp_keepalive_probes=1",
	}, begins)
}

// Whatever the kernel accepts has its sentences.
func TestSurprisesOfExtremes(t *testing.T) {
	for _, hz := range everyHZ {
		for _, sysctl := range sysctls {
			for _, value := range []int{sysctl.min, sysctl.max} {
				assert.NotEmpty(t, model(hz, map[string]int{sysctl.name: value}).Surprises(), "%s=%d", sysctl.name, value)
			}
		}
	}
}
