package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// arrow draws the segment from its sender to its receiver: "── FIN ───▶" from
// the client, "✗─── FIN ──" from the server and dropped at the client. One that
// was injected leaves no socket, and has no shaft on that side.
func (s Segment) arrow() string {
	fromClient := s.From == "client"
	shaft, head := "── ", "▶"
	switch {
	case s.Arrived == nil:
		head = "?"
	case s.Dropped != "":
		head = "✗"
	case !fromClient:
		head = "◀"
	}
	if s.Sent == nil {
		shaft = ""
	}
	label := s.label()
	rest := strings.Repeat("─", max(1, arrowWidth-utf8.RuneCountInString(shaft+label+head)-1))
	if fromClient {
		return shaft + label + " " + rest + head
	}
	left := head + rest + " " + label
	if shaft != "" {
		left += " ──"
	}
	return left
}

// label is what the segment carries, as "SYN-ACK", "DATA 11 B again". That a
// segment acknowledges, or is pushed, is told only where it does nothing else.
func (s Segment) label() string {
	var words []string
	acknowledges := false
	for _, flag := range s.flags() {
		switch flag {
		case "ACK":
			acknowledges = true
		case "PSH":
		default:
			words = append(words, flag)
		}
	}
	switch {
	case len(words) > 0 && words[0] == "SYN" && acknowledges:
		words[0] = "SYN-ACK"
	case len(words) == 0 && s.Len > 0:
		words = []string{"DATA"}
	case len(words) == 0 && s.Repeats:
		return "probe" // of a silent peer, or of a closed window: an acknowledgement of what was sent before
	case len(words) == 0:
		words = s.flags()
	}
	if s.Len > 0 {
		words = append(words, fmt.Sprintf("%d B", s.Len))
	}
	if s.Sent == nil {
		words = append(words, "injected")
	}
	if s.Repeats {
		words = append(words, "again")
	}
	return strings.Join(words, " ")
}

// plain reports that the segment neither begins nor ends a connection.
func (s Segment) plain() bool {
	for _, flag := range s.flags() {
		if flag == "SYN" || flag == "FIN" || flag == "RST" {
			return false
		}
	}
	return true
}

func (s Segment) flags() []string {
	return strings.FieldsFunc(s.Flags, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}
