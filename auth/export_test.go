package auth

import (
	"context"

	"outpost/access"
	"outpost/session"
)

// Machine is what tests see of a machine client.
type Machine struct {
	Name, Kind, Party string
	Identity          session.Identity
	Proof             access.Proof
	client            *machineClient
}

// Prepare is prepare of the client.
func (m *Machine) Prepare(with func() any) any {
	return m.client.prepare(func(*machineClient) any { return with() })
}

// Machine is machine, for the application of this name.
func (o *Outpost) Machine(ctx context.Context, application string, authorization ...string) (*Machine, Reason, bool) {
	v, known := o.machine(ctx, o.applications.parts[application], authorization)
	client := v.client
	if client == nil {
		return nil, v.reason, known
	}
	return &Machine{client.name, client.kind, client.party, client.identity, client.proof, client}, v.reason, known
}

// Verdicts are how many verdicts the application of this name remembers, good
// and bad ones.
func (o *Outpost) Verdicts(application string) (good, bad int) {
	s := o.applications.parts[application].machines.verdicts
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.good.young) + len(s.good.old), len(s.bad.young) + len(s.bad.old)
}

// MachineStatus is machineStatus.
func MachineStatus(reason Reason) int { return machineStatus(reason) }
