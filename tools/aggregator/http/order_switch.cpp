#include "tools/aggregator/http/order_switch.h"

#include <charconv>
#include <fstream>

#include "tools/support/durable_file.h"

namespace cubby::aggregator {
namespace {

constexpr std::size_t kLineMax = 64;

// "operator 1740974400000"; anything else was made by hand.
OrderSwitch::State read_state(const std::string& file) {
  OrderSwitch::State state{.stopped = true};
  std::string line(kLineMax, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(in.gcount()));
  const std::size_t blank = std::min(line.find(' '), line.size());
  for (std::size_t i = 1; i < kRoles; ++i) {
    if (line.substr(0, blank) == to_text(static_cast<Role>(i))) {
      state.by = static_cast<Role>(i);
      std::from_chars(line.data() + std::min(blank + 1, line.size()), line.data() + line.size(), state.since_utc_ms);
    }
  }
  return state;
}

}  // namespace

void OrderSwitch::load(std::string file) {
  file_ = std::move(file);
  durable_ = tools::may_exist(file_);
  state_ = durable_ ? read_state(file_) : State{};
}

std::string OrderSwitch::stop(Role by, std::uint64_t utc_ms) {
  if (!state_.stopped) {
    state_ = {.stopped = true, .by = by, .since_utc_ms = utc_ms};
  }
  if (durable_) {
    return {};
  }
  std::string error =
      tools::write_durably(file_, std::string(to_text(state_.by)) + " " + std::to_string(state_.since_utc_ms) + "\n");
  durable_ = error.empty();
  return error;
}

std::string OrderSwitch::allow() {
  std::string error = tools::remove_durably(file_);
  if (error.empty()) {
    state_ = {};
    durable_ = false;
  }
  return error;
}

}  // namespace cubby::aggregator
