#include "firmware/base/board_family.h"

namespace cubby {

std::optional<BoardFamily> board_family(std::string_view name) {
  if (name.size() == 2 && (name[0] == 'p' || name[0] == 'P')) {
    for (const BoardFamily family : kBoardFamilies) {
      if (to_string(family)[1] == name[1]) {
        return family;
      }
    }
  }
  return std::nullopt;
}

std::string_view to_string(BoardFamily family) {
  switch (family) {
    case BoardFamily::kP1:
      return "p1";
    case BoardFamily::kP2:
      return "p2";
    case BoardFamily::kP5:
      return "p5";
    case BoardFamily::kP6:
      return "p6";
    case BoardFamily::kP7:
      return "p7";
  }
  return "?";
}

}  // namespace cubby
