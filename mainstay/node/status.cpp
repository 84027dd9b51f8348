#include "mainstay/node/status.hpp"

namespace mainstay {

const char* name_of(node_health health) {
  switch (health) {
    case node_health::sound:
      return "sound";
    case node_health::disk_full:
      return "disk_full";
    case node_health::apply_failed:
      return "apply_failed";
    case node_health::stopped:
      return "stopped";
  }
  return "unnamed";
}

}  // namespace mainstay
