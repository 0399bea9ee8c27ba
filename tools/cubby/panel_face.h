#pragma once

#include <string>

#include "cubby/v1/control.pb.h"

namespace cubby::tools {

/// A panel as lines of text: the display in a frame, then what is heard, which doors stand open, who was told
/// what. `terminal`: the frame is of lines, else of ASCII signs.
std::string draw_panel(const cubby::v1::PanelState& panel, bool terminal);
/// The same for comparing two looks: without how long ago the last tone was.
std::string face_without_age(const cubby::v1::PanelState& panel);
/// For drawing over what stood there: each line clears its rest, the last one all below.
std::string clear_line_ends(const std::string& face);

}  // namespace cubby::tools
