/** What fails to draw says so in its own place; the page around it lives on. */

import { Component, type ComponentChildren } from "preact";
import { t } from "./text";

interface Props {
    name: string;
    children: ComponentChildren;
}

export class Guard extends Component<Props, { failure: string }> {
    override state = { failure: "" };

    static override getDerivedStateFromError(e: unknown): { failure: string } {
        return { failure: e instanceof Error ? e.message : String(e) };
    }

    override render() {
        if (this.state.failure === "") return this.props.children;
        return (
            <p class="warn" role="alert">
                {t("{name} has failed: {reason}", { name: this.props.name, reason: this.state.failure })}
            </p>
        );
    }
}
