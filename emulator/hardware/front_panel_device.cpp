#include "emulator/hardware/front_panel_device.h"

#include <algorithm>

#include "firmware/base/crc.h"

namespace cubby::emulator {
namespace {

constexpr std::byte kStart{0x55};
constexpr std::uint8_t kKey = 0x01;
constexpr std::uint8_t kScan = 0x02;
constexpr std::byte kScreen{0x81};
constexpr std::size_t kOverhead = 5;
constexpr std::size_t kScreenData = 6;

}  // namespace

void FrontPanelDevice::put(std::uint8_t type, Bytes data) {
  const std::size_t start = input_.size();
  input_.push_back(kStart);
  input_.push_back(std::byte{type});
  input_.push_back(static_cast<std::byte>(data.size()));
  input_.insert(input_.end(), data.begin(), data.end());
  const std::uint16_t crc = crc16_modbus(Bytes(input_).subspan(start + 1));
  input_.push_back(static_cast<std::byte>(crc));
  input_.push_back(static_cast<std::byte>(crc >> 8));
  // Not what: digits and passes come from the fleet's key, and a seed's hash is the same under every key.
  hash_->add(TraceKind::kPanelIn, *now_, std::uint64_t{type} << 32 | data.size());
}

void FrontPanelDevice::press(char key) {
  put(kKey, as_bytes({&key, 1}));
}

void FrontPanelDevice::scan(std::string_view text) {
  put(kScan, as_bytes(text));
}

std::size_t FrontPanelDevice::do_receive(MutableBytes into) {
  const std::size_t count = std::min(into.size(), input_.size());
  std::copy_n(input_.begin(), count, into.begin());
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

Status FrontPanelDevice::do_send(Bytes bytes) {
  hash_->add(TraceKind::kPanelOut, *now_, bytes);
  // The controller's side of the line is reliable; what is no frame is not shown.
  while (bytes.size() >= kOverhead) {
    const std::size_t length = static_cast<std::size_t>(bytes[2]);
    if (bytes[0] != kStart || bytes.size() < kOverhead + length) {
      bytes = bytes.subspan(1);
      continue;
    }
    const Bytes checked = bytes.subspan(1, 2 + length);
    const bool whole = crc16_modbus(checked) == load_le<std::uint16_t>(bytes.subspan(3 + length, 2));
    if (whole && bytes[1] == kScreen && length == kScreenData && reader_ != nullptr) {
      reader_->on_screen(static_cast<PanelMessage>(bytes[3]), static_cast<std::uint8_t>(bytes[4]),
                         load_le<std::uint32_t>(bytes.subspan(5, 4)));
    }
    bytes = bytes.subspan(kOverhead + length);
  }
  return Status::kOk;
}

PanelText panel_text(PanelMessage message) {
  switch (message) {
    case PanelMessage::kIdle:
      return {"Enter your code", "请输入取件码"};
    case PanelMessage::kCourierReady:
      return {"Scan the parcel", "请扫描包裹"};
    case PanelMessage::kChooseSize:
      return {"Choose size: S M L", "请选择箱格大小"};
    case PanelMessage::kOpening:
      return {"Opening...", "正在开门"};
    case PanelMessage::kPutIn:
      return {"Put in, shut door", "请放入包裹并关门"};
    case PanelMessage::kStored:
      return {"Stored. Thank you", "投递成功"};
    case PanelMessage::kTurnedAway:
      return {"No compartment", "没有合适的箱格"};
    case PanelMessage::kWrongCode:
      return {"Wrong code", "取件码错误"};
    case PanelMessage::kLockedOut:
      return {"Locked, please wait", "已锁定，请稍候"};
    case PanelMessage::kTakeOut:
      return {"Take out, shut door", "请取出包裹并关门"};
    case PanelMessage::kCollected:
      return {"Thank you", "取件成功"};
    case PanelMessage::kDoorFailed:
      return {"Door did not open", "箱门未打开"};
    case PanelMessage::kRecallOpen:
      return {"Overdue: take out", "请取回滞留包裹"};
    case PanelMessage::kRecalled:
      return {"Taken back", "已取回"};
    case PanelMessage::kRecallDone:
      return {"Nothing overdue left", "没有滞留包裹"};
    case PanelMessage::kWrongPass:
      return {"Pass not valid", "通行证无效"};
    case PanelMessage::kOutOfService:
      return {"Out of service", "暂停服务"};
    case PanelMessage::kPleaseShut:
      return {"Please shut the door", "请关好箱门"};
    case PanelMessage::kCancelled:
      return {"Cancelled", "已取消"};
    case PanelMessage::kRefused:
      return {"Left for the courier", "快递员将取回"};
    case PanelMessage::kServiceMenu:
      return {"1audit 2look 3keypad", "1盘点 2查看 3解锁键盘"};
    case PanelMessage::kDoorNumber:
      return {"Door number, then #", "输入箱门号，按#"};
    case PanelMessage::kLookInside:
      return {"Look, shut the door", "请查看并关门"};
    case PanelMessage::kInside:
      return {"Parcel in? 1yes 0no", "有包裹？1有 0无"};
    case PanelMessage::kAuditItem:
      return {"#look 5back *next", "#查看 5恢复 *下一个"};
    case PanelMessage::kServiceDone:
      return {"Done", "完成"};
    case PanelMessage::kServiceRefused:
      return {"Not possible", "无法执行"};
    case PanelMessage::kWrongStation:
      return {"For another station", "包裹在其他站点"};
    case PanelMessage::kSenderReady:
      return {"Scan your parcel", "请扫描寄件单"};
  }
  return {"?", "?"};
}

}  // namespace cubby::emulator
