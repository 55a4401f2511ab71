// Package cases shows how Linux ends TCP connections: one behaviour per file,
// between two hosts, in IPv4 and IPv6, with the time that the kernel takes
// predicted and proven.
//
// Run it with "make cases", or see the README for the other ways.
//
// The files and the situations that they reproduce, as README.md in this
// directory describes them with their times:
//
//	established_test.go             a connection is open, and nobody sends
//	syn_sent_test.go                the server does not answer a connect
//	syn_recv_test.go                the client vanishes in the handshake
//
//	graceful_shutdown_test.go       both half-close, read to the end, and close
//	fin_with_data_test.go           data and FIN, or ACK and FIN, in one segment
//	half_close_test.go              one side half-closes and goes on reading
//	closing_test.go                 both close at once; one FIN never arrives
//	control_test.go                 a close with nothing in its way
//	fin_wait_1_thawed_test.go       the network comes back during FIN_WAIT_1
//	last_ack_thawed_test.go         the network comes back during LAST_ACK
//	write_after_close_test.go       the peer has closed, and the writer goes on
//	process_ends_test.go            a program ends without close
//
//	fin_wait_1_reaped_test.go       the active closer's peer has vanished
//	fin_wait_1_data_test.go         the same with data in flight before the FIN
//	own_output_drop_test.go         the closer's own firewall drops its FIN
//	link_down_test.go               the same with a link that goes down
//	rto_limits_test.go              the same with other bounds of the timeout
//	fin_wait_2_reaped_test.go       the peer never closes; tcp_fin_timeout
//	linger2_test.go                 the peer never closes; TCP_LINGER2
//	process_stopped_test.go         the peer's program is stopped, its kernel is not
//	close_wait_test.go              a server leaks its sockets
//	last_ack_reaped_test.go         the passive closer's peer has vanished
//
//	time_wait_length_test.go        tcp_fin_timeout is set to change TIME_WAIT
//	time_wait_side_test.go          which side has TIME_WAIT
//	time_wait_buckets_test.go       more TIME_WAIT than tcp_max_tw_buckets
//	last_ack_no_time_wait_test.go   the last ACK is lost, and nobody in TIME_WAIT
//	last_ack_lost_test.go           the same with TIME_WAIT, which answers
//	old_duplicate_test.go           old duplicates meet a connection or TIME_WAIT
//	rst_in_fin_wait_2_test.go       a RST meets FIN_WAIT_2
//	rst_in_time_wait_test.go        a RST meets TIME_WAIT
//
//	bind_time_wait_test.go          a server restarts during TIME_WAIT
//	bind_fin_wait_2_test.go         a server restarts during FIN_WAIT_2
//	reconnect_time_wait_test.go     a client's fixed port is in TIME_WAIT
//	reconnect_close_wait_test.go    a client's fixed port is in CLOSE_WAIT
//	ephemeral_port_test.go          every ephemeral port is in TIME_WAIT
//	two_servers_test.go             two servers listen on one port
//
//	close_unread_test.go            close with data unread
//	linger_zero_test.go             close with SO_LINGER of 0 s
//	linger_test.go                  close with SO_LINGER of some seconds
//
//	keepalive_test.go               an idle connection's peer has vanished
//	unacknowledged_data_test.go     the peer of a sender has vanished
//	user_timeout_test.go            the same with TCP_USER_TIMEOUT
//	zero_window_test.go             the peer does not read
//
//	transmissions_test.go           what is sent again, how often and when
//
//	own_settings_test.go            what ends a connection under your own settings
package cases
