// Flow charts and trees apart from how they look: what is joined to what, and what follows from that.
// diagrams.cpp draws them with a layout of our own, graphviz.cpp has graphviz draw them.
#pragma once

#include <string>
#include <vector>

#include "synth/docs.h"

namespace molmo::synth {

struct GraphNode {
  std::string name;
  bool is_condition = false;  // drawn as a diamond
};

struct GraphEdge {
  size_t from = 0, to = 0;  // nodes
  std::string label = {};
};

struct Graph {
  std::string figure;  // "flow_chart" or "tree"
  std::vector<GraphNode> nodes;
  std::vector<GraphEdge> edges;
  bool is_lying = false;  // from the left to the right
};

// A row of steps, perhaps with a condition whose "no" leads out of it to the last node. Conditions are named apart.
Graph draw_flow_graph(const FigureContext& context);
void name_conditions(Graph& graph, const FigureContext& context);
Questions ask_about_flow(const Graph& graph);

// People and who is above them; the first node is at the top.
Graph draw_tree_graph(const FigureContext& context);
Questions ask_about_tree(const Graph& graph);

// The truth about all but the nodes, which are added with their boxes.
void describe_graph(Page& page, const Graph& graph);

}  // namespace molmo::synth
