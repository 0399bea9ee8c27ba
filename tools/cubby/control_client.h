#pragma once

#include <string>

#include "cubby/v1/control.pb.h"
#include "tools/support/text.h"

namespace cubby::tools {

/// A connection to an emulator's control port.
class ControlClient {
 public:
  ControlClient();
  ~ControlClient();
  ControlClient(const ControlClient&) = delete;
  ControlClient& operator=(const ControlClient&) = delete;

  /// Empty: connected; else one line that says why not.
  std::string connect(const Endpoint& endpoint, const std::string& token);
  /// Sends a request and waits for its answer, at most `patience_s`. Empty: `response` is good.
  std::string ask(cubby::v1::ControlRequest request, cubby::v1::ControlResponse& response, int patience_s = 200);

 private:
  int socket_ = -1;
  std::string token_;
  std::string where_;
};

}  // namespace cubby::tools
