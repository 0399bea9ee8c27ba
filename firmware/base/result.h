#pragma once

#include "firmware/base/assert.h"
#include "firmware/base/status.h"

namespace cubby {

/// A value or the reason why there is none. `T` must be default-constructible and cheap to move.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(static_cast<T&&>(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(status) { CUBBY_ASSERT(status != Status::kOk); }  // NOLINT

  bool ok() const { return status_ == Status::kOk; }
  Status status() const { return status_; }
  const T& value() const {
    CUBBY_ASSERT(ok());
    return value_;
  }
  T& value() {
    CUBBY_ASSERT(ok());
    return value_;
  }

 private:
  Status status_ = Status::kOk;
  T value_{};
};

}  // namespace cubby
