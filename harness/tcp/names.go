package tcp

import (
	"path"
	"slices"
	"strings"
)

// ipv4Dir is where the sysctls of TCP are below /proc/sys, for IPv6 too.
const ipv4Dir = "net/ipv4/"

// namespaced are the sysctls tcp_* that every network namespace has for itself
// (ipv4_net_table in net/ipv4/sysctl_net_ipv4.c, Linux 5.10 to 7.3). No kernel
// has all of them.
var namespaced = []string{
	"tcp_abort_on_overflow", "tcp_adv_win_scale", "tcp_allowed_congestion_control", "tcp_app_win",
	"tcp_autocorking", "tcp_available_congestion_control", "tcp_backlog_ack_defer", "tcp_base_mss",
	"tcp_challenge_ack_limit", "tcp_child_ehash_entries", "tcp_comp_sack_delay_ns", "tcp_comp_sack_nr",
	"tcp_comp_sack_rtt_percent", "tcp_comp_sack_slack_ns", "tcp_congestion_control", "tcp_dsack",
	"tcp_early_demux", "tcp_early_retrans", "tcp_ecn", "tcp_ecn_fallback", "tcp_ecn_option",
	"tcp_ecn_option_beacon", "tcp_ehash_entries", "tcp_fack", "tcp_fastopen",
	"tcp_fastopen_blackhole_timeout_sec", "tcp_fastopen_key", "tcp_fin_timeout", "tcp_frto", "tcp_fwmark_accept",
	"tcp_invalid_ratelimit", "tcp_keepalive_intvl", "tcp_keepalive_probes", "tcp_keepalive_time",
	"tcp_l3mdev_accept", "tcp_limit_output_bytes", "tcp_max_reordering", "tcp_max_syn_backlog",
	"tcp_max_tw_buckets", "tcp_migrate_req", "tcp_min_rtt_wlen", "tcp_min_snd_mss", "tcp_min_tso_segs",
	"tcp_moderate_rcvbuf", "tcp_mtu_probe_floor", "tcp_mtu_probing", "tcp_no_metrics_save",
	"tcp_no_ssthresh_metrics_save", "tcp_notsent_lowat", "tcp_orphan_retries", "tcp_pacing_ca_ratio",
	"tcp_pacing_ss_ratio", "tcp_pingpong_thresh", "tcp_plb_cong_thresh", "tcp_plb_enabled",
	"tcp_plb_idle_rehash_rounds", "tcp_plb_rehash_rounds", "tcp_plb_suspend_rto_sec", "tcp_probe_interval",
	"tcp_probe_threshold", "tcp_rcvbuf_low_rtt", "tcp_recovery", "tcp_reflect_tos", "tcp_reordering",
	"tcp_retrans_collapse", "tcp_retries1", "tcp_retries2", "tcp_rfc1337", "tcp_rmem", "tcp_rto_max_ms",
	"tcp_rto_min_us", "tcp_sack", "tcp_shrink_window", "tcp_slow_start_after_idle", "tcp_stdurg",
	"tcp_syn_linear_timeouts", "tcp_syn_retries", "tcp_synack_retries", "tcp_syncookies",
	"tcp_thin_linear_timeouts", "tcp_timestamps", "tcp_tso_rtt_log", "tcp_tso_win_divisor", "tcp_tw_reuse",
	"tcp_tw_reuse_delay", "tcp_window_scaling", "tcp_wmem", "tcp_workaround_signed_windows",
}

// hostWide are the sysctls tcp_* that the host has once and that a namespace
// other than the first one lacks (ipv4_table in the same file).
var hostWide = []string{
	"tcp_available_ulp", "tcp_low_latency", "tcp_max_orphans", "tcp_mem", "tcp_rx_skb_cache", "tcp_tx_skb_cache",
}

var tcpSysctls = slices.Sorted(slices.Values(slices.Concat(namespaced, hostWide)))

// matching are the known sysctls that a pattern of glob(7) stands for, which is
// relative to /proc/sys. A malformed one stands for none.
func matching(pattern string) []string {
	pattern = strings.ReplaceAll(pattern, "[!", "[^")
	return slices.DeleteFunc(slices.Clone(tcpSysctls), func(name string) bool {
		match, err := path.Match(pattern, ipv4Dir+name)
		return err != nil || !match
	})
}

// nearest is the known sysctl that a mistyped name most likely stands for,
// empty when more than a third of the name would be wrong.
func nearest(name string) string {
	best, least := "", (len(name)-len("tcp_"))/3+1
	for _, known := range tcpSysctls {
		if max(len(known)-len(name), len(name)-len(known)) >= least {
			continue // spares the work for names without end
		}
		if wrong := edits(name, known); wrong < least {
			best, least = known, wrong
		}
	}
	return best
}

// edits is how many letters to change, add or leave out lead from a to b
// (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
