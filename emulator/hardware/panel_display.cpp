#include "emulator/hardware/panel_display.h"

#include <algorithm>

#include "emulator/hardware/panel_text.h"

namespace cubby::emulator {

void PanelDisplay::show(const PanelScreen& screen, Instant at) {
  advance(at);
  digits_.clear();
  if (waiting_count_ == 0 && at >= held_until_) {
    put(screen, at);
    return;
  }
  const bool replaces =
      waiting_count_ == kWaitingMax || (waiting_count_ > 0 && !panel_text(waiting_[waiting_count_ - 1U].message).brief);
  if (!replaces) {
    ++waiting_count_;
  }
  waiting_[waiting_count_ - 1U] = screen;
}

void PanelDisplay::put(const PanelScreen& screen, Instant at) {
  shown_ = screen;
  held_until_ = panel_text(screen.message).brief ? at + kBriefFor : at;
}

void PanelDisplay::advance(Instant at) {
  while (waiting_count_ > 0 && at >= held_until_) {
    put(waiting_.front(), held_until_);
    std::copy(waiting_.begin() + 1, waiting_.end(), waiting_.begin());
    --waiting_count_;
  }
}

void PanelDisplay::on_key(char key) {
  if (waiting_count_ > 0) {
    shown_ = newest();
    waiting_count_ = 0;
  }
  held_until_ = {};  // The answer comes at once.
  if (key >= '0' && key <= '9') {
    std::array<char, kDigitsMax + 1> text{};
    const std::size_t size = digits_.view().copy(text.data(), kDigitsMax);
    text[size] = key;
    digits_.assign({text.data(), size + 1});
  }
}

PanelScreen PanelDisplay::screen(Instant at) const {
  PanelDisplay later = *this;
  later.advance(at);
  return later.shown_;
}

}  // namespace cubby::emulator
