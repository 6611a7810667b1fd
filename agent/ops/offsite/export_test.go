package offsite

// Visit is one visit, for the tests: Run makes it by the clock.
func (k *Keeper) Visit(now bool) error { return k.visit(now) }

// Attempt is one visit that raises or ends the alarm.
var Attempt = (*Keeper).attempt
