package tcp

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Release is a release of Linux, Major.Minor. The zero value stands for the newest that the
// model was read in, 7.3.
type Release struct{ Major, Minor int }

// ParseRelease reads the beginning of a kernel's release, as uname(2) gives it:
// "6.12" of "6.12.41-rt". A release without two numbers, the first of them above
// zero, is an error.
func ParseRelease(text string) (Release, error) {
	found := releaseNumbers.FindStringSubmatch(text)
	if found == nil {
		return Release{}, fmt.Errorf("%.80q begins with no release of Linux, as 6.12 is one", text)
	}
	major, err := strconv.Atoi(found[1])
	if err != nil {
		return Release{}, err
	}
	minor, err := strconv.Atoi(found[2])
	return Release{major, minor}, err
}

var releaseNumbers = regexp.MustCompile(`^([1-9][0-9]{0,4})\.([0-9]{1,5})([^0-9]|$)`)

// Before reports whether the release precedes major.minor.
func (r Release) Before(major, minor int) bool {
	return r != Release{} && (r.Major < major || r.Major == major && r.Minor < minor)
}

// String names the release, as "Linux 6.12".
func (r Release) String() string { return fmt.Sprintf("Linux %d.%d", r.Major, r.Minor) }

// rtoMaxConstant is TCP_RTO_MAX (include/net/tcp.h): what tcp_rto_max_ms was
// before there was such a sysctl.
const rtoMaxConstant = 120 * time.Second

// traits are what releases do differently and no sysctl tells. That a release
// lacks a sysctl is for Settings to say.
type traits struct {
	// synAckCapped says that tcp_rto_max_ms caps the timeouts of a SYN-ACK
	// (reqsk_timeout in include/net/request_sock.h).
	synAckCapped bool
	// minisocketCountedAtEnd says that TW or TWKilled moves when a minisocket
	// ends, not when it begins (net/ipv4/inet_timewait_sock.c).
	minisocketCountedAtEnd bool
}

func (r Release) traits() traits {
	return traits{
		synAckCapped:           !r.Before(6, 19),
		minisocketCountedAtEnd: r.Before(5, 18),
	}
}

// CountsMinisocketsAtEnd reports whether TW or TWKilled moves when a minisocket
// of TIME_WAIT or FIN_WAIT_2 ends, as in Linux 5.10, and not when it begins, as
// in Linux 6.1 to 7.3. Over the whole of the state they move by the same.
func (r Release) CountsMinisocketsAtEnd() bool { return r.traits().minisocketCountedAtEnd }
