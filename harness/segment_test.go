package harness

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSegmentFlags(t *testing.T) {
	assert.Equal(t, "FIN,ACK", (ACK | FIN).String())
	assert.Equal(t, "SYN,RST,PSH,URG,ECE,CWR", (SYN | RST | PSH | URG | ECE | CWR).String())
	assert.Equal(t, "no flags", Flags(0).String())
	assert.True(t, (ACK | FIN).Has(ACK|FIN))
	assert.False(t, ACK.Has(ACK|FIN))
}

// What is written is what is read, in both families.
func TestSegmentFrame(t *testing.T) {
	mac := []byte{2, 0, 0, 0, 0, 1}
	for name, addrs := range map[string][2]string{
		"IPv4": {"192.0.2.1:40000", "192.0.2.2:6000"},
		"IPv6": {"[2001:db8::1]:40000", "[2001:db8::2]:6000"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, flags := range []Flags{FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, 0, 255} {
				s := Segment{
					From: netip.MustParseAddrPort(addrs[0]), To: netip.MustParseAddrPort(addrs[1]),
					Flags: flags, Seq: 1<<32 - 1, Ack: 1 << 31, Window: 1<<16 - 1,
					HasTS: flags != 0, Payload: make([]byte, 300),
				}
				if s.HasTS {
					s.TSVal, s.TSEcr = 7, 1<<32-2
				}
				frame, err := s.frame(mac, mac)
				require.NoError(t, err)

				read, isTCP, err := newSegmentParser().parse(frame[:snapLength])

				require.NoError(t, err)
				require.True(t, isTCP)
				s.Len, s.Payload = len(s.Payload), nil
				assert.Equal(t, s, read)
			}
		})
	}
}

func TestSegmentString(t *testing.T) {
	s := Segment{
		From: netip.MustParseAddrPort("192.0.2.1:40000"), To: netip.MustParseAddrPort("192.0.2.2:6000"),
		Flags: FIN | ACK, Seq: 1, Ack: 2, Window: 502, Len: 3, HasTS: true, TSVal: 4, TSEcr: 5,
	}
	assert.Equal(t, "192.0.2.1:40000 → 192.0.2.2:6000 FIN,ACK seq 1 ack 2 window 502, 3 bytes, TSval 4 TSecr 5", s.String())
	assert.Equal(t, "[2001:db8::1]:1 → [2001:db8::2]:2 RST seq 1 window 0, 0 bytes",
		Segment{From: netip.MustParseAddrPort("[2001:db8::1]:1"), To: netip.MustParseAddrPort("[2001:db8::2]:2"), Flags: RST, Seq: 1}.String())
}

// Frames that are not TCP are none of a capture's business; broken ones are
// errors.
func TestSegmentParseOthers(t *testing.T) {
	arp := append(make([]byte, 12), 8, 6)
	_, isTCP, err := newSegmentParser().parse(append(arp, make([]byte, 46)...))
	require.NoError(t, err)
	assert.False(t, isTCP)

	_, _, err = newSegmentParser().parse(append(make([]byte, 12), 8, 0, 0x45, 0))
	assert.ErrorContains(t, err, "parsing a frame of 16 bytes")
}
