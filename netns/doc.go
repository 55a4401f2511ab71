// Package netns makes unnamed network namespaces, joins two of them by a veth
// pair, and runs functions inside them.
//
// A namespace is held by a file descriptor alone. It has no name and no mount,
// so it is gone when the process is, however the process ends. There is no way
// to name a namespace that this package did not make: the initial namespace of
// the machine cannot be reached, let alone changed.
//
// The smallest use is two hosts on one wire:
//
//	client, err := netns.New()
//	…
//	server, err := netns.New()
//	…
//	err = netns.Join(
//		netns.End{Namespace: client, MAC: mac1, Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}},
//		netns.End{Namespace: server, MAC: mac2, Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.2/24")}},
//	)
//	…
//	err = server.Do(func() error { listener, err = net.Listen("tcp", "192.0.2.2:6000"); return err })
//
// [Namespace.LinkDown] takes one end of the wire away, and [Namespace.LinkUp]
// brings it back.
//
// The requests to the kernel are made of the library's messages (netlink/nl), but
// sent by code of our own (batch.go): the library sends each alone, and asks for the
// link before some, two dozen round trips for two hosts in place of five.
//
// What is opened inside [Namespace.Do] (a socket, a file below /proc/sys/net, a
// child process) belongs to the namespace and can be used from anywhere after.
// Goroutines started inside are not in the namespace.
package netns
