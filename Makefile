# Every target is what CI runs, too. ARGS goes to go test: make cases ARGS=-short
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
PRIVILEGED  = -exec "'$(CURDIR)/scripts/privileged'"

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: cases
cases: iptables ## hold, reap and judge the closing states of this kernel (2 minutes; ARGS=-short for 9 seconds)
	@cd cases && FINWAIT_CALLED_BY=$$PPID go test -count=1 $(PRIVILEGED) $(ARGS)

.PHONY: kernels
kernels: iptables qemu ## the cases on four kernels of Debian and on this one, compared: a matrix (about 7 minutes; ARGS='-settings FILE')
	@go run ./scripts/matrix $(ARGS)

.PHONY: plan
plan: ## what the cases would prove, without running them: a calculator for sysctls (ARGS='-settings FILE')
	@go run ./scripts/plan $(ARGS)

.PHONY: test
test: check unit cases ## everything: check, unit, cases

.PHONY: unit
unit: iptables chromium ## the tests of model, report, namespaces and harness
	go test ./harness/tcp ./harness/report ./scripts/...
	go test -count=1 -parallel=32 $(PRIVILEGED) ./netns ./harness

.PHONY: check
check: ## gofmt, go vet, staticcheck, go mod tidy
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	go vet ./...
	go mod tidy -diff
	go run $(STATICCHECK) ./...

.PHONY: race
race: iptables ## the tests and the short cases under the race detector
	go test -race -count=1 -parallel=32 $(PRIVILEGED) ./netns ./harness/...
	cd cases && go test -race -count=1 -short $(PRIVILEGED)

.PHONY: killed
killed: iptables ## a minute of the soak: runs are killed, and the host is compared before and after
	go run ./scripts/soak -part kills -for 1m

.PHONY: soak
soak: iptables ## kill runs, press them and mislead them at random, for half an hour (ARGS='-for 2m -seed 7')
	go run ./scripts/soak $(ARGS)

.PHONY: mutants
mutants: iptables ## test the suite: patch the kernel in one line, and the cases must notice (a quarter of an hour; ARGS='-run ^orphan -v')
	@go run ./scripts/mutants $(ARGS)

.PHONY: fuzz
fuzz: ## every fuzz target for 10 seconds, one after the other (ARGS=1m for longer)
	@scripts/fuzz $(ARGS)

.PHONY: bench
bench: iptables ## what a lab costs, in ratios to floors of the same run; fails if a target is missed (ARGS='-raw FILE' for benchstat)
	@go run ./scripts/bench $(ARGS)

.PHONY: bisect
bisect: iptables ## compile what git bisect runs in a kernel's tree, into build/bisect
	@CGO_ENABLED=0 go build -o build/bisect/ ./scripts/bisect ./scripts/vmexec
	@CGO_ENABLED=0 go test -c -o build/bisect/ ./cases
	@echo "in a kernel's tree, after git bisect start BAD GOOD:"
	@echo "  git bisect run $(CURDIR)/build/bisect/bisect -run TestFinWait1Reaped"

.PHONY: capabilities
capabilities: iptables ## which capabilities the cases need, found by taking each away (2 minutes)
	@scripts/capabilities

.PHONY: iptables
iptables:
	@scripts/install-iptables

.PHONY: qemu
qemu:
	@scripts/install-qemu

.PHONY: chromium
chromium:
	@scripts/install-chromium
