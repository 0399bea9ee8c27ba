#pragma once

namespace cubby::hal {

/// Resets the controller when it is not fed for 8 s.
class Watchdog {
 public:
  void feed() { do_feed(); }

 protected:
  ~Watchdog() = default;

 private:
  virtual void do_feed() = 0;
};

}  // namespace cubby::hal
