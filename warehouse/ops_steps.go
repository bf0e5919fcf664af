package warehouse

// The steps of a run, as ops.steps names them.
const (
	StepLand       = "land"
	StepReconcile  = "reconcile"
	StepBuild      = "build"
	StepModel      = "model" // One model of the build.
	StepProve      = "prove" // Only where it is asked for.
	StepQuarantine = "quarantine"
	StepCheck      = "check"
	StepBooks      = "books"
	StepPublish    = "publish"
)

// Steps are the steps of a run in their order, without single models.
func Steps() []string {
	return []string{StepLand, StepReconcile, StepBuild, StepProve, StepQuarantine, StepCheck, StepBooks, StepPublish}
}
