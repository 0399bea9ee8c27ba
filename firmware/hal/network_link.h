#pragma once

#include <cstddef>
#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/status.h"

namespace cubby::hal {

enum class LinkState : std::uint8_t { kDown, kConnecting, kUp };

/// A reliable byte stream to the aggregator (TCP or TLS). Never blocks.
class NetworkLink {
 public:
  /// Starts connecting; kBusy: already connecting or up. Watch state().
  Status connect() { return do_connect(); }
  LinkState state() const { return do_state(); }
  /// All or nothing. kBusy: the send buffer is full, try later. kNotSent: not up.
  Status send(Bytes bytes) { return do_send(bytes); }
  /// Copies out the oldest received bytes; returns how many.
  std::size_t receive(MutableBytes into) { return do_receive(into); }
  /// Drops the connection and what is buffered; no effect when down.
  void close() { do_close(); }

 protected:
  ~NetworkLink() = default;

 private:
  virtual Status do_connect() = 0;
  virtual LinkState do_state() const = 0;
  virtual Status do_send(Bytes bytes) = 0;
  virtual std::size_t do_receive(MutableBytes into) = 0;
  virtual void do_close() = 0;
};

}  // namespace cubby::hal
