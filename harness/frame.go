package harness

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// A segmentParser reads segments from Ethernet frames. It is reused from frame
// to frame, so as not to allocate.
type segmentParser struct {
	ethernet layers.Ethernet
	ip4      layers.IPv4
	ip6      layers.IPv6
	tcp      layers.TCP
	layers   *gopacket.DecodingLayerParser
	found    []gopacket.LayerType
}

func newSegmentParser() *segmentParser {
	p := &segmentParser{}
	p.layers = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &p.ethernet, &p.ip4, &p.ip6, &p.tcp)
	p.layers.IgnoreUnsupported = true
	return p
}

// parse reads a frame, of which all headers must be there, but not all data. It
// reports false for what is not TCP.
func (p *segmentParser) parse(frame []byte) (Segment, bool, error) {
	if err := p.layers.DecodeLayers(frame, &p.found); err != nil {
		return Segment{}, false, fmt.Errorf("parsing a frame of %d bytes: %w", len(frame), err)
	}
	if len(p.found) != 3 || p.found[2] != layers.LayerTypeTCP {
		return Segment{}, false, nil
	}
	s := Segment{
		Flags:  flagsOf(&p.tcp),
		Seq:    p.tcp.Seq,
		Ack:    p.tcp.Ack,
		Window: p.tcp.Window,
	}
	var from, to netip.Addr
	if p.found[1] == layers.LayerTypeIPv4 {
		from, to = addr(p.ip4.SrcIP), addr(p.ip4.DstIP)
		s.Len = int(p.ip4.Length) - 4*int(p.ip4.IHL)
	} else {
		from, to = addr(p.ip6.SrcIP), addr(p.ip6.DstIP)
		s.Len = int(p.ip6.Length)
	}
	s.Len -= 4 * int(p.tcp.DataOffset)
	s.From, s.To = netip.AddrPortFrom(from, uint16(p.tcp.SrcPort)), netip.AddrPortFrom(to, uint16(p.tcp.DstPort))
	for _, option := range p.tcp.Options {
		if option.OptionType == layers.TCPOptionKindTimestamps && len(option.OptionData) == 8 {
			s.HasTS = true
			s.TSVal, s.TSEcr = binary.BigEndian.Uint32(option.OptionData), binary.BigEndian.Uint32(option.OptionData[4:])
		}
	}
	return s, true, nil
}

func addr(ip []byte) netip.Addr {
	addr, _ := netip.AddrFromSlice(ip)
	return addr
}

func flagsOf(header *layers.TCP) Flags {
	var flags Flags
	for bit, set := range []bool{header.FIN, header.SYN, header.RST, header.PSH, header.ACK, header.URG, header.ECE, header.CWR} {
		if set {
			flags |= 1 << bit
		}
	}
	return flags
}

// frame is the segment as Ethernet carries it, with its lengths and checksums
// computed.
func (s Segment) frame(from, to []byte) ([]byte, error) {
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(s.From.Port()), DstPort: layers.TCPPort(s.To.Port()),
		Seq: s.Seq, Ack: s.Ack, Window: s.Window,
		FIN: s.Flags.Has(FIN), SYN: s.Flags.Has(SYN), RST: s.Flags.Has(RST), PSH: s.Flags.Has(PSH),
		ACK: s.Flags.Has(ACK), URG: s.Flags.Has(URG), ECE: s.Flags.Has(ECE), CWR: s.Flags.Has(CWR),
	}
	if s.HasTS {
		stamps := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, s.TSVal), s.TSEcr)
		nop := layers.TCPOption{OptionType: layers.TCPOptionKindNop}
		tcp.Options = []layers.TCPOption{nop, nop, {OptionType: layers.TCPOptionKindTimestamps, OptionData: stamps}}
	}
	const hops = 64
	ethernet := &layers.Ethernet{SrcMAC: from, DstMAC: to}
	var ip interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	}
	if src, dst := s.From.Addr().AsSlice(), s.To.Addr().AsSlice(); s.From.Addr().Is4() {
		ethernet.EthernetType = layers.EthernetTypeIPv4
		ip = &layers.IPv4{Version: 4, Flags: layers.IPv4DontFragment, TTL: hops, Protocol: layers.IPProtocolTCP, SrcIP: src, DstIP: dst}
	} else {
		ethernet.EthernetType = layers.EthernetTypeIPv6
		ip = &layers.IPv6{Version: 6, HopLimit: hops, NextHeader: layers.IPProtocolTCP, SrcIP: src, DstIP: dst}
	}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buffer, options, ethernet, ip, tcp, gopacket.Payload(s.Payload)); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}
