#include "server/admin_actions.hpp"

#include <array>
#include <chrono>
#include <utility>

#include "server/admin_pages.hpp"
#include "server/member_actions.hpp"
#include "server/transfer_action.hpp"

namespace mainstay::server {

namespace {

void save_snapshot(gateway& cluster, const std::string&, instant, admin_done done) {
  cluster.save_snapshot([done = std::move(done)](const result<snapshot_report>& saved) {
    if (!saved) return done(std::unexpected(saved.error()));
    done(snapshot_json(*saved));
  });
}

constexpr std::array all_actions{
    admin_action{"POST", "/v1/snapshot", std::chrono::minutes(10), save_snapshot},
    admin_action{"GET", "/v1/members", std::chrono::seconds(5), tell_members},
    admin_action{"POST", "/v1/members", std::chrono::seconds(30), change_members},
    admin_action{"POST", "/v1/join", std::chrono::seconds(30), join_cluster},
    admin_action{"POST", "/v1/transfer", std::chrono::seconds(10), hand_over},
};

}  // namespace

std::span<const admin_action> admin_actions() { return all_actions; }

unsigned http_status_of(error_code code) {
  switch (code) {
    case error_code::not_leader:
      return 409;
    case error_code::invalid_argument:
    case error_code::malformed:
      return 400;
    case error_code::wrong_identity:
      return 403;
    case error_code::overloaded:
    case error_code::shutting_down:
    case error_code::unreachable:
      return 503;
    case error_code::no_space:
      return 507;
    case error_code::unsupported:
      return 501;
    case error_code::timed_out:
    case error_code::leadership_lost:
    case error_code::disconnected:
      return 504;
    default:
      return 500;
  }
}

}  // namespace mainstay::server
