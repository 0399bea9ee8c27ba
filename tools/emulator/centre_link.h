#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/tls/session.h"
#include "tools/support/text.h"

namespace cubby::tools {

/// A shard's connection to the centre at full speed: many stations, one channel each. Used by one thread.
class CentreLink {
 public:
  virtual ~CentreLink() = default;
  /// Connects if it is not; false: not now (call again), or never (see failed()).
  virtual bool connect(std::uint64_t utc_ms) = 0;
  virtual bool connected() const = 0;
  /// Frames of a window; then a barrier, which the centre answers when all before it is durable.
  virtual void send(Bytes frames, std::uint64_t barrier_utc_ms) = 0;
  /// Waits for the answer to the oldest barrier that is not answered yet; the frames before it are in
  /// `answers`. False: the connection was lost.
  virtual bool await(std::vector<std::byte>& answers) = 0;
};

/// The centre in this process: it only acknowledges. For runs without an aggregator.
std::unique_ptr<CentreLink> make_ack_centre();

/// The aggregator over TCP, with TLS unless `credentials` is null. Waits at most `patience_s` for an answer.
std::unique_ptr<CentreLink> make_socket_centre(const Endpoint& endpoint, int patience_s,
                                               std::shared_ptr<const tls::Credentials> credentials);

/// A client's end of TLS to `endpoint`, with this computer's clock; null without credentials.
std::unique_ptr<tls::Session> make_tls_session(const std::shared_ptr<const tls::Credentials>& credentials,
                                               const Endpoint& endpoint);

/// The VirtualTime frame of channel 0.
void append_virtual_time(std::vector<std::byte>& out, std::uint64_t utc_ms, bool barrier);

}  // namespace cubby::tools
