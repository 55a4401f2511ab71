// Package cases shows how Linux ends TCP connections: one behaviour per file,
// between two hosts, in IPv4 and IPv6, with the time that the kernel takes
// predicted and proven.
//
// Run it with "make cases", or see the README for the other ways.
package cases
