/// Presentation of a load run: a progress line for terminals, then a short report or JSON.
#include "cli/bench_command.hpp"

#include <ostream>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace mainstay::cli {

namespace {

using json = nlohmann::ordered_json;

double microseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e3; }

std::string_view name_of(load_kind kind) {
  switch (kind) {
    case load_kind::set:
      return "set";
    case load_kind::get:
      return "get";
    default:
      return "mixed";
  }
}

std::uint64_t failures_of(const load_report& report) {
  return report.tally.replies.failed + report.tally.lost + report.unanswered;
}

double cpu_per_operation(const load_report& report) {
  const auto total = report.tally.replies.total();
  return total == 0 ? 0 : report.generator_cpu_seconds * 1e6 / static_cast<double>(total);
}

json errors_of(const reply_counts& replies) {
  auto object = json::object();
  for (const auto& [word, count] : replies.errors) object[word] = count;
  return object;
}

json to_json(const load_options& load, const load_report& report) {
  const auto& latency = report.tally.latency;
  const auto& replies = report.tally.replies;
  return {{"operations", name_of(load.shape.kind)},
          {"outstanding", load.outstanding},
          {"connections", load.connections},
          {"value_bytes", load.shape.value_size},
          {"keys", report.distinct_keys},
          {"seconds", report.seconds},
          {"succeeded", replies.succeeded},
          {"missing", replies.missing},
          {"failed", replies.failed},
          {"errors", errors_of(replies)},
          {"lost", report.tally.lost},
          {"unanswered", report.unanswered},
          {"stalled", report.stalled},
          {"per_second", report.throughput()},
          {"latency_us",
           {{"mean", latency.mean() / 1e3},
            {"p50", microseconds(latency.percentile(0.5))},
            {"p90", microseconds(latency.percentile(0.9))},
            {"p99", microseconds(latency.percentile(0.99))},
            {"p99.9", microseconds(latency.percentile(0.999))},
            {"max", microseconds(latency.maximum())}}},
          {"generator_cpu_seconds", report.generator_cpu_seconds},
          {"generator_cpu_us_per_operation", cpu_per_operation(report)}};
}

void print_failures(const output& to, const load_report& report) {
  const auto& replies = report.tally.replies;
  for (const auto& [word, count] : replies.errors) {
    to.out << fmt::format("  errors       {} x {}\n", count, word);
  }
  if (report.tally.lost > 0) {
    to.out << fmt::format("  lost         {} (connection broke; outcome unknown)\n",
                          report.tally.lost);
  }
  if (report.unanswered > 0) {
    to.out << fmt::format("  unanswered   {} (outcome unknown)\n", report.unanswered);
  }
  if (report.stalled) to.out << "  the run ended early: no reply came within the timeout\n";
}

void print_report(const output& to, const load_options& load, const load_report& report) {
  const auto& latency = report.tally.latency;
  const auto& replies = report.tally.replies;
  to.out << fmt::format("{} of {} bytes over {} keys, {} outstanding on {} connections\n",
                        name_of(load.shape.kind), load.shape.value_size, report.distinct_keys,
                        load.outstanding, load.connections);
  to.out << fmt::format("  throughput   {:.0f} a second ({} in {:.2f} s)\n", report.throughput(),
                        replies.succeeded, report.seconds);
  to.out << fmt::format(
      "  latency us   p50 {:.0f}   p90 {:.0f}   p99 {:.0f}   p99.9 {:.0f}   max {:.0f}\n",
      microseconds(latency.percentile(0.5)), microseconds(latency.percentile(0.9)),
      microseconds(latency.percentile(0.99)), microseconds(latency.percentile(0.999)),
      microseconds(latency.maximum()));
  if (load.shape.kind != load_kind::set) {
    to.out << fmt::format("  missing      {} of the keys read were not there\n", replies.missing);
  }
  print_failures(to, report);
  to.out << fmt::format("  generator    {:.2f} s of CPU, {:.2f} us an operation\n",
                        report.generator_cpu_seconds, cpu_per_operation(report));
}

void show_progress(const output& to, const load_progress& p) {
  const auto& latency = p.tally.latency;
  to.err << fmt::format("\r{:5.0f} s  {:9.0f}/s  p50 {:.0f} us  p99 {:.0f} us  failed {}  \033[K",
                        p.elapsed_seconds, p.per_second, microseconds(latency.percentile(0.5)),
                        microseconds(latency.percentile(0.99)),
                        p.tally.replies.failed + p.tally.lost);
  to.err.flush();
}

load_options fill_options(const load_options& load) {
  load_options fill = load;
  fill.shape.kind = load_kind::set;
  // One connection writes the ring in order, so that each key is written exactly once.
  fill.connections = 1;
  fill.requests = command_ring(fill.shape).distinct_keys();
  fill.warmup_seconds = 0;
  return fill;
}

exit_code refused(const output& to, const error& e) {
  const bool usage = e.code == error_code::invalid_argument;
  return print_failure(to, {usage ? exit_code::usage : exit_code::unavailable, e.message});
}

}  // namespace

exit_code run_bench(const common_options& common, bench_options options, const output& to) {
  options.load.endpoints = common.endpoints;
  options.load.timeout = common.timeout;
  const bool terminal = isatty(STDERR_FILENO) != 0;
  const auto progress = [&](const load_progress& p) {
    if (terminal) show_progress(to, p);
  };
  if (options.fill) {
    const auto filled = run_load(fill_options(options.load), progress);
    if (!filled) return refused(to, filled.error());
    if (failures_of(*filled) > 0) {
      return print_failure(to, {exit_code::unavailable, "the keys could not be filled in"});
    }
  }

  const auto report = run_load(options.load, progress);
  if (terminal) to.err << '\r' << "\033[K";
  if (!report) return refused(to, report.error());
  if (to.json) {
    print_json(to, to_json(options.load, *report));
  } else {
    print_report(to, options.load, *report);
  }
  if (report->tally.replies.succeeded == 0) return exit_code::unavailable;
  return failures_of(*report) > 0 ? exit_code::degraded : exit_code::done;
}

}  // namespace mainstay::cli
