// Package scripts holds what the Makefile runs, and the tests of the repository
// as a whole.
package scripts
