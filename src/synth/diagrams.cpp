// Diagrams: flow charts and trees, with a layout of our own.
#include <cairo.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "synth/draws.h"
#include "synth/graph.h"

namespace molmo::synth {
namespace {

struct Node {
  std::string name;
  PointPx center;
  double width = 0, height = 0;
  bool is_condition = false;  // drawn as a diamond
};

struct DiagramLook {
  Color fill, ink;
  double line_width = 1, size = 12;
  bool is_round = false;
};

DiagramLook draw_look(Page& page, const FigureContext& context, double share) {
  RandomStream& draws = context.draws;
  DiagramLook look;
  const Color color = typical(pick(draws, page.style().colors));
  look.fill = mix(color, page.style().paper, between(draws, 0.5, 0.85));
  look.ink = luminance(look.fill) > 0.5 ? Color{0.05, 0.05, 0.08} : Color{1, 1, 1};
  look.line_width = std::max(1.0, page.side() * between(draws, 0.004, 0.008));
  look.size = page.size(share);
  look.is_round = chance(draws, 0.5);
  return look;
}

void paint_node(Page& page, const Node& node, const DiagramLook& look) {
  cairo_t* cairo = page.cairo();
  const double left = node.center.x - node.width / 2, top = node.center.y - node.height / 2;
  cairo_new_path(cairo);
  if (node.is_condition) {
    cairo_move_to(cairo, node.center.x, top);
    cairo_line_to(cairo, left + node.width, node.center.y);
    cairo_line_to(cairo, node.center.x, top + node.height);
    cairo_line_to(cairo, left, node.center.y);
    cairo_close_path(cairo);
  } else {
    rounded_rectangle(cairo, left, top, node.width, node.height,
                      look.is_round ? node.height * 0.4 : node.height * 0.06);
  }
  set_color(cairo, look.fill);
  cairo_fill_preserve(cairo);
  set_color(cairo, page.style().ink);
  cairo_set_line_width(cairo, look.line_width);
  cairo_stroke(cairo);
  page.text_at_middle(node.name,
                      {.x = node.center.x,
                       .size = look.size,
                       .align = Align::Center,
                       .max_width = node.width * (node.is_condition ? 0.62 : 0.88),
                       .color = &look.ink},
                      node.center.y);
  page.truth()["nodes"].push_back({{"name", node.name}, {"box", box_json(left, top, node.width, node.height)}});
}

void arrow(Page& page, PointPx from, PointPx to, const DiagramLook& look) {
  const double angle = std::atan2(to.y - from.y, to.x - from.x), head = look.line_width * 4.5;
  const PointPx neck{to.x - head * 0.8 * std::cos(angle), to.y - head * 0.8 * std::sin(angle)};
  page.line(from.x, from.y, neck.x, neck.y, page.style().ink, look.line_width);
  cairo_t* cairo = page.cairo();
  cairo_new_path(cairo);
  for (const double turn : {0.0, 2.75, -2.75}) {
    const double reach = turn == 0 ? 0 : head;
    cairo_line_to(cairo, to.x + reach * std::cos(angle + turn), to.y + reach * std::sin(angle + turn));
  }
  cairo_close_path(cairo);
  cairo_fill(cairo);
}

}  // namespace

void describe_graph(Page& page, const Graph& graph) {
  for (const GraphEdge& edge : graph.edges) {
    page.truth()["edges"].push_back(
        {{"from", graph.nodes[edge.from].name}, {"to", graph.nodes[edge.to].name}, {"label", edge.label}});
  }
  page.truth()["nodes"] = Json::array();
  page.truth()["part"] = "diagrams";
  page.truth()["figure"] = graph.figure;
}

Graph draw_flow_graph(const FigureContext& context) {
  RandomStream& draws = context.draws;
  const auto count = static_cast<size_t>(context.is_easy ? 3 : whole(draws, 3, context.is_hard ? 7 : 5));
  const std::vector<std::string> steps = context.words.pick_some("steps", count + 1, draws);
  Graph graph;
  graph.figure = "flow_chart";
  graph.is_lying = !context.is_easy && count <= 4 && chance(draws, 0.4);
  // A condition goes on in the row where the answer is yes, and leaves it where it is no.
  const bool has_condition = !context.is_easy && !graph.is_lying && chance(draws, 0.5);
  const size_t condition_at = has_condition ? 1 + draws.below(count - 2) : count;
  for (size_t i = 0; i < count; ++i) graph.nodes.push_back({steps[i], i == condition_at});
  for (size_t i = 0; i + 1 < count; ++i) graph.edges.push_back({i, i + 1, i == condition_at ? "yes" : ""});
  if (has_condition) {
    graph.nodes.push_back({steps[count]});
    graph.edges.push_back({condition_at, count, "no"});
  }
  return graph;
}

void name_conditions(Graph& graph, const FigureContext& context) {
  for (GraphNode& node : graph.nodes) {
    if (node.is_condition) node.name = context.words.pick("conditions", context.draws);
  }
}

Questions ask_about_flow(const Graph& graph) {
  const auto& nodes = graph.nodes;
  const auto condition = std::ranges::find_if(nodes, &GraphNode::is_condition);
  const bool has_condition = condition != nodes.end();
  const size_t count = nodes.size() - (has_condition ? 1 : 0);  // in the row
  Questions questions;
  if (has_condition) {
    const std::string asked = "What comes after \"" + condition->name + "\" if the answer is ";
    questions.push_back({asked + "yes?", std::next(condition)->name, 2});
    questions.push_back({asked + "no?", nodes[count].name, 2});
  }
  for (size_t i = 0; i + 1 < count; ++i) {
    const double weight = 3.0 / static_cast<double>(count);
    if (!nodes[i].is_condition && !nodes[i + 1].is_condition) {
      questions.push_back({"What comes after " + nodes[i].name + "?", nodes[i + 1].name, weight});
      questions.push_back({"What comes before " + nodes[i + 1].name + "?", nodes[i].name, weight});
    }
  }
  questions.push_back({"What is the first step?", nodes.front().name, 1.5});
  if (!has_condition) questions.push_back({"What is the last step?", nodes.back().name, 1.5});
  questions.push_back({"How many boxes are there?", std::to_string(nodes.size()), 0.8});
  return questions;
}

Questions draw_flow_chart(Page& page, const FigureContext& context) {
  Graph graph = draw_flow_graph(context);
  const DiagramLook look = draw_look(page, context, context.is_easy ? 0.1 : 0.044);
  name_conditions(graph, context);
  describe_graph(page, graph);
  const auto condition = std::ranges::find_if(graph.nodes, &GraphNode::is_condition);
  const bool has_condition = condition != graph.nodes.end(), is_lying = graph.is_lying;
  const size_t count = graph.nodes.size() - (has_condition ? 1 : 0);
  const double margin = page.side() * 0.05;
  const double length = (is_lying ? page.width() : page.height()) - 2 * margin;
  const double pitch = length / static_cast<double>(count);
  const double middle = has_condition ? page.width() * 0.38 : (is_lying ? page.height() : page.width()) / 2;
  std::vector<Node> nodes;
  for (size_t i = 0; i < count; ++i) {
    Node node;
    node.is_condition = graph.nodes[i].is_condition;
    node.name = graph.nodes[i].name;
    const double along = margin + pitch * (static_cast<double>(i) + 0.5);
    node.center = is_lying ? PointPx{along, middle} : PointPx{middle, along};
    node.width = is_lying ? pitch * 0.74
                          : std::min(page.width() * 0.62,
                                     std::max(page.side() * 0.3, page.text_width(node.name, look.size) * 1.35));
    node.height = is_lying ? page.side() * 0.2 : pitch * 0.58;
    if (node.is_condition) node.width = std::min(page.width() * 0.55, node.width * 1.5), node.height = pitch * 0.7;
    nodes.push_back(node);
  }
  for (size_t i = 0; i + 1 < count; ++i) {
    const Node &a = nodes[i], &b = nodes[i + 1];
    const PointPx from =
        is_lying ? PointPx{a.center.x + a.width / 2, middle} : PointPx{middle, a.center.y + a.height / 2};
    const PointPx to =
        is_lying ? PointPx{b.center.x - b.width / 2, middle} : PointPx{middle, b.center.y - b.height / 2};
    arrow(page, from, to, look);
    if (a.is_condition)
      page.text_at_middle("yes", {.x = middle + look.size * 0.4, .size = look.size * 0.85}, (from.y + to.y) / 2);
  }
  for (const Node& node : nodes) paint_node(page, node, look);
  if (has_condition) {
    const Node& asked = nodes[static_cast<size_t>(condition - graph.nodes.begin())];
    Node other;
    other.name = graph.nodes[count].name;
    other.width = page.width() * 0.24;
    other.height = pitch * 0.5;
    other.center = {page.width() - margin - other.width / 2, asked.center.y};
    const PointPx from{asked.center.x + asked.width / 2, asked.center.y},
        to{other.center.x - other.width / 2, other.center.y};
    arrow(page, from, to, look);
    page.text("no", {.x = (from.x + to.x) / 2,
                     .baseline = from.y - look.size * 0.3,
                     .size = look.size * 0.85,
                     .align = Align::Center});
    paint_node(page, other, look);
  }
  return ask_about_flow(graph);
}

// Nodes in the order in which one walks down: a child is followed by its own children.
Graph draw_tree_graph(const FigureContext& context) {
  RandomStream& draws = context.draws;
  const auto num_children = static_cast<size_t>(context.is_easy ? 2 : whole(draws, 2, 3));
  std::vector<size_t> num_grandchildren(num_children, 0);
  if (!context.is_easy) {
    for (size_t& count : num_grandchildren) count = static_cast<size_t>(whole(draws, 0, 2));
  }
  const size_t total = std::accumulate(num_grandchildren.begin(), num_grandchildren.end(), 1 + num_children);
  Graph graph;
  graph.figure = "tree";
  for (const std::string& name : context.words.pick_some("first_names", total, draws)) graph.nodes.push_back({name});
  size_t next = 1;
  for (const size_t count : num_grandchildren) {
    const size_t child = next++;
    graph.edges.push_back({0, child});
    for (size_t k = 0; k < count; ++k) graph.edges.push_back({child, next++});
  }
  return graph;
}

Questions ask_about_tree(const Graph& graph) {
  const auto& nodes = graph.nodes;
  Questions questions;
  const auto reports = [&](size_t to) { return std::ranges::count(graph.edges, to, &GraphEdge::from); };
  for (size_t i = 1; i < nodes.size(); ++i) {
    if (reports(i) > 0)
      questions.push_back({"How many people report to " + nodes[i].name + "?", std::to_string(reports(i)), 0.8});
  }
  for (const GraphEdge& edge : graph.edges) {
    questions.push_back(
        {"Who is above " + nodes[edge.to].name + "?", nodes[edge.from].name, 3.0 / static_cast<double>(nodes.size())});
  }
  questions.push_back({"Who is at the top?", nodes[0].name, 2});
  questions.push_back({"How many people report to " + nodes[0].name + "?", std::to_string(reports(0)), 1.2});
  questions.push_back({"How many boxes are there?", std::to_string(nodes.size()), 1});
  return questions;
}

Questions draw_tree_diagram(Page& page, const FigureContext& context) {
  const DiagramLook look = draw_look(page, context, context.is_easy ? 0.1 : 0.038);
  const Graph graph = draw_tree_graph(context);
  describe_graph(page, graph);
  const auto below = [&](size_t above) {
    std::vector<size_t> nodes;
    for (const GraphEdge& edge : graph.edges) {
      if (edge.from == above) nodes.push_back(edge.to);
    }
    return nodes;
  };
  size_t num_leaves = 0;
  for (const size_t child : below(0)) num_leaves += std::max<size_t>(1, below(child).size());
  const bool is_deep = graph.nodes.size() > 1 + below(0).size();
  const double margin = page.side() * 0.05, slot = (page.width() - 2 * margin) / static_cast<double>(num_leaves);
  const double pitch = (page.height() - 2 * margin) / (is_deep ? 3 : 2),
               node_height = std::min(pitch * 0.5, look.size * 2.6);
  const auto row_y = [&](int row) { return margin + pitch * (row + 0.5); };
  const Node root{.name = graph.nodes[0].name,
                  .center = {page.width() / 2, row_y(0)},
                  .width = std::min(page.width() * 0.5, page.side() * 0.42),
                  .height = node_height};
  std::vector<Node> nodes = {root};
  double left = margin;
  const auto link = [&](const Node& above, const Node& lower) {
    const double from_y = above.center.y + above.height / 2, to_y = lower.center.y - lower.height / 2,
                 bend = (from_y + to_y) / 2;
    page.line(above.center.x, from_y, above.center.x, bend, page.style().ink, look.line_width);
    page.line(above.center.x, bend, lower.center.x, bend, page.style().ink, look.line_width);
    page.line(lower.center.x, bend, lower.center.x, to_y, page.style().ink, look.line_width);
  };
  for (const size_t i : below(0)) {
    const std::vector<size_t> grandchildren = below(i);
    const auto leaves = static_cast<double>(std::max<size_t>(1, grandchildren.size()));
    const Node child{.name = graph.nodes[i].name,
                     .center = {left + slot * leaves / 2, row_y(1)},
                     .width = std::min(slot * leaves * 0.85, page.side() * 0.4),
                     .height = node_height};
    link(root, child);
    nodes.push_back(child);
    for (size_t k = 0; k < grandchildren.size(); ++k) {
      const Node leaf{.name = graph.nodes[grandchildren[k]].name,
                      .center = {left + slot * (static_cast<double>(k) + 0.5), row_y(2)},
                      .width = slot * 0.85,
                      .height = node_height};
      link(child, leaf);
      nodes.push_back(leaf);
    }
    left += slot * leaves;
  }
  for (const Node& node : nodes) paint_node(page, node, look);
  return ask_about_tree(graph);
}

}  // namespace molmo::synth
