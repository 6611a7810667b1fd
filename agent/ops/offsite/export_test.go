package offsite

// Visit is one visit, for the tests: Run makes it by the clock.
func (k *Keeper) Visit(now bool) error { return k.visit(now) }

// Attempt is [Keeper.Visit] with what is said of it.
var Attempt = (*Keeper).attempt
