package harness

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// String is the verdict in a line, as "client reaped from FIN_WAIT_1 after
// 3.345 s, window 3.264 to 3.368 s".
func (v verdict) String() string {
	state := v.window.Ending.State
	lasted := fmt.Sprintf("%.3f s", (v.lasted.Min+v.lasted.Max).Seconds()/2)
	if v.lasted.Max-v.lasted.Min > 5*time.Millisecond {
		lasted = v.lasted.String()
	}
	switch v.outcome {
	case reaped:
		return fmt.Sprintf("%s reaped from %v after %s, window %v", v.conn, state, lasted, v.window)
	case armed:
		return fmt.Sprintf("%s armed to be reaped from %v: watched for %s, window %v", v.conn, state, lasted, v.window)
	case onSchedule:
		return fmt.Sprintf("%s on schedule in %v, %s: watched for %s, window %v", v.conn, state, v.detail, lasted, v.window)
	case forEver:
		if v.window.Chain != tcp.TimerNone {
			return fmt.Sprintf("%s in %v for ever: still there after %s, the %v goes on", v.conn, state, lasted, v.window.Chain)
		}
		return fmt.Sprintf("%s in %v for ever: no timer armed after %s", v.conn, state, lasted)
	case closed:
		if v.window.Never() {
			return fmt.Sprintf("%s in %v with no timer armed, until its peer ended it after %s: %s", v.conn, state, lasted, v.detail)
		}
		return fmt.Sprintf("%s ended from %v by its peer after %s, before its own timer could at %v", v.conn, state, lasted, v.window)
	case passing:
		return fmt.Sprintf("%s not held in %v", v.conn, state)
	case deviating:
		return fmt.Sprintf("%s still in %v after %s, documented %v: known deviation, %s", v.conn, state, lasted, v.window, v.detail)
	case early:
		return fmt.Sprintf("%s reaped from %v too early, after %s, window %v%s", v.conn, state, lasted, v.window, v.likeness())
	case late:
		if !v.over {
			return fmt.Sprintf("%s still in %v after %s, too late, window %v", v.conn, state, lasted, v.window)
		}
		return fmt.Sprintf("%s reaped from %v too late, after %s, window %v%s", v.conn, state, lasted, v.window, v.likeness())
	case offSchedule:
		return fmt.Sprintf("%s in %v not as predicted: %s; lasted %s, window %v", v.conn, state, v.detail, lasted, v.window)
	default:
		if v.detail != "" {
			return fmt.Sprintf("%s in %v inconclusive: %s", v.conn, state, v.detail)
		}
		return fmt.Sprintf("%s from %v inconclusive: reaped after %s, window %v, which cannot be told%s", v.conn, state, lasted, v.window, v.likeness())
	}
}

// likeness names what the end looks like instead.
func (v verdict) likeness() string {
	var names []string
	for _, rival := range v.matches {
		names = append(names, fmt.Sprintf("%s (%v)", rival.Name, rival.Window))
	}
	if len(names) == 0 {
		return ""
	}
	if v.outcome == inconclusive {
		return " from " + strings.Join(names, ", or ")
	}
	return ": just as " + strings.Join(names, ", or ") + " would"
}

// why explains the window.
func (v verdict) why() []string {
	var lines []string
	if text := v.window.Explain(); text != "" {
		lines = strings.Split(text, "\n")
	}
	if spans := v.window.Spans; len(spans) == 1 && len(lines) > 0 {
		slack := tcp.Text((spans[0].Max - spans[0].Min).Round(time.Millisecond))
		lines = slices.Insert(lines, 1, fmt.Sprintf("up to %s later: each timer waits for the next slot of its level in the timer wheel", slack))
	}
	if v.late > notable {
		lines = append(lines, fmt.Sprintf("this machine was late when timers were due: up to %s more are allowed", tcp.Text(v.late.Round(time.Millisecond))))
	}
	return lines
}
