// Byte streams that are cut anywhere: the panel's protocol and the frames of the uplink. However a stream is cut into
// pieces, the same comes out of it.
#include <algorithm>

#include "firmware/drivers/panel_link.h"
#include "firmware/hal/front_panel.h"
#include "firmware/wire/framing/frame.h"
#include "fuzz/targets.h"
#include "support/board_frames.h"

namespace cubby::fuzz {
namespace {

using drivers::PanelInput;
using drivers::PanelLink;

/// Gives what it was given, at most `piece` bytes at once, and takes frames until it is full.
class Panel final : public hal::FrontPanel {
 public:
  explicit Panel(std::size_t piece) : piece_(piece) {}
  void hear(Bytes bytes) { left_ = bytes; }
  void be_full(bool full) { full_ = full; }

 private:
  std::size_t do_receive(MutableBytes into) override {
    const auto size = std::min({piece_, into.size(), left_.size()});
    std::copy_n(left_.begin(), size, into.begin());
    left_ = left_.subspan(size);
    return size;
  }
  Status do_send(Bytes bytes) override {
    if (full_) {
      return Status::kBusy;
    }
    require(bytes.size() >= 6 && bytes.size() <= 11 && bytes[0] == std::byte{0x55} &&
                std::to_integer<std::size_t>(bytes[2]) + 5 == bytes.size() &&
                tests::checksum_holds(BoardFamily::kP5, bytes.subspan(1)),
            "what the panel is told is a frame");
    return Status::kOk;
  }

  std::size_t piece_;
  Bytes left_;
  bool full_ = false;
};

std::vector<PanelInput> inputs_of(Bytes stream, std::size_t piece) {
  Panel panel(piece);
  PanelLink link(panel);
  panel.hear(stream);
  std::vector<PanelInput> inputs;
  while (const auto input = link.next_input()) {
    inputs.push_back(*input);
    require(inputs.size() <= stream.size() / 6, "an input has at least six bytes");
  }
  return inputs;
}

bool same(const PanelInput& one, const PanelInput& other) {
  return one.kind == other.kind && one.key == other.key && one.text.view() == other.text.view();
}

void talk_to_panel(Input& input) {
  Panel panel(1);
  PanelLink link(panel);
  for (int steps = 0; !input.empty() && steps < 200; ++steps) {
    panel.be_full(input.flag());
    switch (input.one_of(5)) {
      case 0:
        link.show(static_cast<drivers::Screen>(1 + input.one_of(31)), static_cast<std::uint8_t>(input.byte()),
                  static_cast<std::uint32_t>(input.number()));
        break;
      case 1:
        link.buzz(input.pick({drivers::Buzz::kOk, drivers::Buzz::kError, drivers::Buzz::kAlarm}));
        break;
      case 2:
        link.set_language(input.pick({drivers::PanelLanguage::kEnglish, drivers::PanelLanguage::kChinese}));
        break;
      case 3:
        link.change_language(input.pick({drivers::PanelLanguage::kEnglish, drivers::PanelLanguage::kChinese}));
        break;
      default:
        link.switch_language();
        break;
    }
  }
  panel.be_full(false);
  require(link.flush(), "what waits goes when there is room");
}

}  // namespace

/// Input: how large the pieces are; then chunks as board_targets.cpp has them, of which some get the checksum of a
/// frame. Bit 7 of a chunk's control ends the stream; what follows is what is shown.
void panel_link(Bytes bytes) {
  Input input(bytes);
  const auto piece = 1 + input.one_of(100);
  std::vector<std::byte> stream;
  for (bool more = true; more && !input.empty();) {
    const unsigned control = input.byte();
    const Bytes chunk = input.take(1 + (control & 0x1F));
    std::vector<std::byte> part(chunk.begin(), chunk.end());
    if ((control & 0x20) != 0) {
      part.insert(part.begin(), static_cast<std::byte>(part.size()));
      part.insert(part.begin(), std::byte{(control & 0x40) != 0 ? std::uint8_t{0x02} : std::uint8_t{0x01}});
      part = tests::sealed(BoardFamily::kP5, part);
      part.insert(part.begin(), std::byte{0x55});
    }
    stream.insert(stream.end(), part.begin(), part.end());
    more = (control & 0x80) == 0;
  }
  const auto whole = inputs_of(stream, stream.size() + 1);
  const auto pieces = inputs_of(stream, piece);
  require(std::equal(whole.begin(), whole.end(), pieces.begin(), pieces.end(), same),
          "however a stream is cut, the same inputs come out of it");
  talk_to_panel(input);
}

/// Input: the greatest length, how large the pieces are, the stream.
void wire_frame(Bytes bytes) {
  using Kind = wire::FrameParse::Kind;
  Input input(bytes);
  const std::size_t limit = 1 + input.byte() * std::size_t{2};
  const auto piece = 1 + input.one_of(64);
  auto left = input.take(bytes.size());

  std::vector<std::byte> buffer(limit + wire::kFrameHeaderMax);
  wire::FrameParser parser(buffer, limit);
  auto unheard = left;
  while (true) {
    const auto whole = wire::parse_frame(left, limit);
    auto cut = parser.peek();
    while (cut.kind == Kind::kNeedMore && !unheard.empty()) {
      const auto room = parser.space();
      require(!room.empty(), "a frame within the limit finds room");
      const auto size = std::min({static_cast<std::size_t>(piece), room.size(), unheard.size()});
      std::copy_n(unheard.begin(), size, room.begin());
      parser.commit(size);
      unheard = unheard.subspan(size);
      cut = parser.peek();
    }
    require(whole.kind == cut.kind && whole.error == cut.error && whole.consumed == cut.consumed,
            "however a stream is cut, the same frames come out of it");
    if (whole.kind != Kind::kFrame) {
      return;
    }
    require(std::equal(whole.frame.message.begin(), whole.frame.message.end(), cut.frame.message.begin(),
                       cut.frame.message.end()) &&
                whole.frame.channel == cut.frame.channel,
            "and with the same messages");
    std::array<std::byte, wire::kFrameHeaderMax> header{};
    const auto header_size = wire::encode_frame_header(whole.frame.channel, whole.frame.message.size(), header);
    require(whole.consumed == header_size + whole.frame.message.size() &&
                std::equal(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(header_size), left.begin()),
            "there is one way only to write a frame");
    require(whole.frame.message.size() < limit, "no frame is longer than the limit");
    left = left.subspan(whole.consumed);
    parser.pop(whole.consumed);
  }
}

}  // namespace cubby::fuzz
