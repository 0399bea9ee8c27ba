#pragma once

#include <cstddef>
#include <cstdint>

#include "firmware/base/bytes.h"

/// What the aggregator asks its system for.
namespace cubby::aggregator {

/// Processor time of the calling thread.
double thread_cpu_s();
std::uint64_t system_utc_ms();
/// Waits for the system's generator where it must.
void fill_random(MutableBytes bytes);
/// How many of `wanted` connections the limit of open files leaves room for, beside everything else that needs one. A
/// smaller number is told in the log: a station is better refused than left without an answer.
std::size_t connections_within_limit(std::size_t wanted);

}  // namespace cubby::aggregator
