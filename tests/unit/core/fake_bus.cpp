#include "unit/drivers/fake_bus.cpp"  // NOLINT(bugprone-suspicious-include): one model for both programs.
