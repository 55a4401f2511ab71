package harness

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/coreos/go-iptables/iptables"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// dropped is how many packets each rule of the chain has dropped, in their order.
func (c *chain) dropped() (counts []uint64, err error) {
	if c.nft {
		err = c.host.ns.Do(func() error {
			counts, err = countedByNFT(c.host.lab.Family)
			return err
		})
		return counts, err
	}
	err = c.do(func(tables *iptables.IPTables) error {
		counts, err = countedByIptables(tables)
		return err
	})
	return counts, err
}

// countedByIptables runs the program, of any variant.
func countedByIptables(tables *iptables.IPTables) (counts []uint64, err error) {
	stats, err := tables.StructuredStats(chainTable, chainName)
	for _, stat := range stats {
		counts = append(counts, stat.Packets)
	}
	return counts, err
}

// countedByNFT asks the kernel for the rules that the nf_tables variant has made, in the
// namespace that the thread is in, and reads what their counters say: a tenth of what
// it takes to run the program. The kernel lists them in their order (nf_tables_dump_rules in
// net/netfilter/nf_tables_api.c, Linux 5.10 to 7.3).
func countedByNFT(family Family) (counts []uint64, err error) {
	const getRule = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETRULE
	request := nl.NewNetlinkRequest(getRule, unix.NLM_F_DUMP)
	nfFamily := map[Family]uint8{IPv4: unix.NFPROTO_IPV4, IPv6: unix.NFPROTO_IPV6}[family]
	request.AddData(&nl.Nfgenmsg{NfgenFamily: nfFamily, Version: nl.NFNETLINK_V0})
	request.AddData(nl.NewRtAttr(unix.NFTA_RULE_TABLE, nl.ZeroTerminated(chainTable)))
	request.AddData(nl.NewRtAttr(unix.NFTA_RULE_CHAIN, nl.ZeroTerminated(chainName)))
	rules, err := request.Execute(unix.NETLINK_NETFILTER, 0)
	if err != nil {
		return nil, fmt.Errorf("listing the rules of %s: %w", chainName, err)
	}
	for _, rule := range rules {
		count, err := ruleCount(rule)
		if err != nil {
			return nil, fmt.Errorf("reading a rule of %s: %w", chainName, err)
		}
		counts = append(counts, count)
	}
	return counts, nil
}

// ruleCount finds the counter among the expressions of a rule, and what it has counted.
func ruleCount(rule []byte) (uint64, error) {
	if len(rule) < nl.SizeofNfgenmsg {
		return 0, unix.EBADMSG
	}
	data := rule[nl.SizeofNfgenmsg:]
	expressions, err := attributeOf(data, unix.NFTA_RULE_EXPRESSIONS)
	if err != nil {
		return 0, err
	}
	list, err := nl.ParseRouteAttr(expressions)
	if err != nil {
		return 0, err
	}
	for _, element := range list {
		name, err := attributeOf(element.Value, unix.NFTA_EXPR_NAME)
		if err != nil || nl.BytesToString(name) != "counter" {
			continue
		}
		if data, err = attributeOf(element.Value, unix.NFTA_EXPR_DATA); err == nil {
			data, err = attributeOf(data, unix.NFTA_COUNTER_PACKETS)
		}
		if err != nil || len(data) != 8 {
			return 0, errors.Join(err, unix.EBADMSG)
		}
		return binary.BigEndian.Uint64(data), nil
	}
	return 0, errors.New("it has no counter")
}

// attributeOf finds the first of a kind.
func attributeOf(data []byte, kind uint16) ([]byte, error) {
	attributes, err := nl.ParseRouteAttr(data)
	if err != nil {
		return nil, err
	}
	for _, a := range attributes {
		if a.Attr.Type&nl.NLA_TYPE_MASK == kind {
			return a.Value, nil
		}
	}
	return nil, unix.ENODATA
}
